"""`mean.KEY`: a figure's mean over directions."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number, value_at


@gate_figure("mean", asks="level")
def mean(asked: Asked) -> Value:
    """`mean.<system>.<key>` of the report, with its interval."""
    means = asked.evidence.report.get("mean", {})
    value = number(means, f"{asked.system}.{asked.key}", "mean")
    return Value(value, ci=value_at(means[asked.system], f"{asked.key}_ci"))
