"""`copy.KIND`: share of what must be copied that is; `slices.NAME.KEY`: messages that are given otherwise."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number, value_at


@gate_figure("copy")
def copied(asked: Asked) -> Value:
    """`copy_accuracy.<system>.<kind>.accuracy` of the report; the kind `all` is all of them."""
    return Value(number(asked.evidence.report, f"copy_accuracy.{asked.system}.{asked.key}.accuracy", "report"))


@gate_figure("slices")
def slices(asked: Asked) -> Value:
    """`slices.<name>.<system>.<key>` of the report: `slices.noisy.share`, `slices.auto_source.delta`."""
    name, _, key = asked.key.partition(".")
    path = f"slices.{name}.{asked.system}.{key}"
    return Value(number(asked.evidence.report, path, "report"), ci=value_at(asked.evidence.report, f"{path}_ci"))
