"""`safety.unsafe|as_typed`: what a system makes of short messages."""

from eval.gates.figures.registry import Asked, Value, gate_figure, number


@gate_figure("safety", keys=("unsafe", "as_typed"))
def safety(asked: Asked) -> Value:
    """Outputs that break a rule, of all; or the share of messages that were not translated for that reason."""
    found = asked.evidence.report.get("safety", {})
    value = number(found, f"{asked.system}.{asked.key}", "safety")
    of = found[asked.system]
    rules = ", ".join(f"{name} {count}" for name, count in of["rules"].items())
    return Value(value, note=f"of {of['messages']} short messages" + (f": {rules}" if rules else ""))
