"""`report.DOTTED.PATH`: any number of the report."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number


@gate_figure("report")
def report_path(asked: Asked) -> Value:
    """The number at that path."""
    return Value(number(asked.evidence.report, asked.key, "report"))
