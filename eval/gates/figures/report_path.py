"""`report.DOTTED.PATH`: any number of the report, with the interval that stands beside it as `<path>_ci`."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number, value_at


@gate_figure("report")
def report_path(asked: Asked) -> Value:
    """The number at that path."""
    report = asked.evidence.report
    return Value(number(report, asked.key, "report"), ci=value_at(report, f"{asked.key}_ci"))
