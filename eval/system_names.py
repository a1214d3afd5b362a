"""What the names of systems tell: which one is shipped, which are steps of one chain, which are controls of another."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

CHAIN: Final = ("teacher", "student", "student_int8")
SHIPPED: Final = CHAIN[::-1]  # the first of these that has scores is what gates look at
_CONTROL: Final = "_no_"  # student_no_kd is the student without distillation, teacher_no_bt without back-translation


def shipped(systems: Sequence[str]) -> str:
    """The system that would be shipped: the last of the chain that is there, else the first; empty without any."""
    return next((system for system in SHIPPED if system in systems), systems[0] if systems else "")


def telling_pairs(systems: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of systems whose gap says something: steps of the chain, what a control lacks, others against the first."""
    chain = [system for system in CHAIN if system in systems]
    controls = [(s, s.partition(_CONTROL)[0]) for s in systems if _CONTROL in s and s.partition(_CONTROL)[0] in systems]
    first = (chain or list(systems) or [""])[0]
    told = {first, *chain, *(control for control, _ in controls)}
    return [*pairwise(chain), *controls, *((first, system) for system in systems if system not in told)]
