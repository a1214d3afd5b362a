"""`terms.KEY`: how the system says the terms of the glossary, such as `terms.unseen.proper.inflected`, a share."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number


@gate_figure("terms", keys=("seen", "unseen", "random", "carried", "irrelevant"))
def terms(asked: Asked) -> Value:
    """The share at that path."""
    return Value(number(asked.evidence.report, f"terms.{asked.system}.{asked.key}", "report"))
