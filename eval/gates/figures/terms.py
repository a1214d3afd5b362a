"""`terms.KEY`: how a system says the terms of the glossary, such as `terms.unseen.proper.inflected`, a share.

`terms.gained.KEY`: by how much it is ahead of another system there: `vs before terms.gained.carried.noterm.lemma >= 0`.
"""

from eval.gates.figures.registry import Asked, Value, gate_figure, number


@gate_figure("terms", keys=("seen", "unseen", "random", "carried", "irrelevant", "gained"))
def terms(asked: Asked) -> Value:
    """The share at that path, or the difference."""
    path = asked.key.removeprefix("gained.")
    own = _share(asked, asked.system, path)
    return Value(own if path == asked.key else own - _share(asked, asked.against, path))


def _share(asked: Asked, system: str, path: str) -> float:
    return number(asked.evidence.report, f"terms.{system}.{path}", "report")
