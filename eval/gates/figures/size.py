"""`size.KEY`: parameters or bytes of a system; `size.share`: its parameters as a share of another's."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number


@gate_figure("size")
def size(asked: Asked) -> Value:
    """`systems.<system>.<key>` of the report."""
    systems = asked.evidence.report.get("systems", {})
    if asked.key != "share":
        return Value(number(systems, f"{asked.system}.{asked.key}", "systems"))
    mine, other = (number(systems, f"{name}.params", "systems") for name in (asked.system, asked.against))
    return Value(mine / other, note=f"of {asked.against}'s {other / 1e6:.1f} M parameters")
