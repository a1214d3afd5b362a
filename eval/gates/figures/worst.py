"""`worst.KEY`: a figure of the direction that is furthest on the wrong side."""

from eval.gates.figures.registry import Asked, MissingFigureError, Value, gate_figure, listed, number, value_at


@gate_figure("worst", asks="level")
def worst(asked: Asked) -> Value:
    """The worst direction's value; the note names all directions beyond the limit."""
    scores = asked.evidence.pairs(asked.system)
    if not scores:
        raise MissingFigureError(f"the report has no scores of {asked.system}")
    values = {d: number(entry, asked.key, f"pairs.{d}.{asked.system}") for d, entry in scores.items()}
    sign = 1 if asked.compare == ">=" else -1
    ranked = sorted(values, key=lambda direction: sign * values[direction])
    beyond = [direction for direction in ranked if asked.beyond(values[direction])]
    note = f"{len(beyond)} of {len(ranked)} directions: {listed(beyond, values)}" if beyond else ""
    return Value(values[ranked[0]], ranked[0], value_at(scores[ranked[0]], f"{asked.key}_ci"), note=note)
