"""What the pages show of user-written text: each phenomenon, the declared action, how often it was done."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.scoring.phenomena import PHENOMENA, REFERENCE


def phenomena_table(found: Mapping[str, Mapping[str, Sequence[int]]], systems: Sequence[str]) -> dict[str, Any]:
    """Rows of what the messages have, and the labels of what they lack and of what no rule decides; empty without any.

    Args:
        found: phenomenon -> system -> [messages done, messages that have it].
        systems: in the order of the columns, behind the references.
    """
    columns = [REFERENCE, *systems]
    rows = [
        {
            "label": one.label,
            "action": one.action,
            "n": max(n for _, n in found[one.name].values()),
            "cells": [found[one.name].get(name) for name in columns],
        }
        for one in PHENOMENA
        if found.get(one.name)
    ]
    absent = [one.label for one in PHENOMENA if one.rule and not found.get(one.name)]
    unmeasured = [f"{one.label} ({one.action})" for one in PHENOMENA if not one.rule]
    return {"columns": columns, "rows": rows, "absent": absent, "unmeasured": unmeasured} if rows else {}
