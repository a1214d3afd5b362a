"""Typed configuration of gates: which figures of the report must hold."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from eval.gates.figures.registry import GATE_FIGURES
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient

_RULE: Final = re.compile(
    r"(?:(?!vs )(?P<system>\S+) )?(?:vs (?P<against>\S+) )?(?P<figure>[\w.+-]+) ?(?P<compare>>=|<=) ?"
    r"(?P<limit>[-+]?[\d.]+(?:e[-+]?\d+)?)(?P<required> required)?"
)
FORM: Final = "[SYSTEM] [vs OTHER] FIGURE >= LIMIT [required], such as 'student mean.chrf >= 60'; or <="
REFERENCE: Final = "teacher"  # system that a gap is measured from when a rule does not say


@dataclass(frozen=True)
class GateRule:
    """One gate: a figure of the report and the limit that it must keep.

    Attributes:
        figure: a registered figure and its key, `mean.chrf`; docs/gates.md lists them.
        compare: how a passing value compares with the limit.
        system: whose figure; empty for the system that is shipped.
        against: system that a gap or a share compares with.
        required: fail when the report lacks the figure; otherwise the gate is not judged and says so.
    """

    figure: str
    compare: Literal[">=", "<="]
    limit: float
    system: str = ""
    against: str = REFERENCE
    required: bool = False

    @property
    def kind(self) -> str:
        """Name of the figure in the registry."""
        return self.figure.partition(".")[0]

    @property
    def key(self) -> str:
        """What is asked of the figure."""
        return self.figure.partition(".")[2]


def parse_rule(name: str, text: str) -> GateRule:
    """A gate from its line in the config: `[SYSTEM] [vs OTHER] FIGURE >= LIMIT [required]`.

    Raises:
        InputError: it has another form, names no figure, or has its limit on the wrong side.
    """
    found = _RULE.fullmatch(" ".join(str(text).split()))
    try:
        limit = float(found["limit"]) if found else 0.0
    except ValueError:
        found = None
    if found is None:
        raise InputError(f"gates.rules.{name}: '{text}' is no gate; write {FORM}")
    compare: Literal[">=", "<="] = ">=" if found["compare"] == ">=" else "<="
    against, required = found["against"] or REFERENCE, bool(found["required"])
    rule = GateRule(found["figure"], compare, limit, found["system"] or "", against, required)
    try:
        GATE_FIGURES[rule.kind].check(rule.key, compare)
    except InputError as error:
        raise InputError(f"gates.rules.{name}: {error}") from error
    return rule


@dataclass(frozen=True)
class GatesConfig:
    """Gates of a run.

    Attributes:
        rules: by name, a line each: `[SYSTEM] [vs OTHER] FIGURE >= LIMIT [required]`, or `<=`.
        strict: fail every figure beyond an absolute limit, also what is within chance.
        enforce: exit with code 2 when a gate fails: on tick (the scheduled form), always, or never.
    """

    rules: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    enforce: Literal["tick", "always", "never"] = transient("tick")

    def __post_init__(self) -> None:
        """Check every rule.

        Raises:
            InputError: a rule that cannot be read.
        """
        _ = self.parsed

    @property
    def parsed(self) -> dict[str, GateRule]:
        """The rules by name."""
        return {name: parse_rule(name, text) for name, text in self.rules.items()}
