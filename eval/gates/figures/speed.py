"""`speed.KEY`: `latency_p50_ms`, `messages_per_second`, whatever the report's `speed` holds for a system."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number


@gate_figure("speed")
def speed(asked: Asked) -> Value:
    """`speed.<system>.<key>` of the report."""
    return Value(number(asked.evidence.report.get("speed", {}), f"{asked.system}.{asked.key}", "speed"))
