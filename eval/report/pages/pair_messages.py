"""Single messages on a pair's page, with what a reader may filter them by: kind, failure, score."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from eval.scoring.buckets import LABELS, bucket_rows
from eval.stored_outputs import DirectionOutputs
from parley.metrics.metric import Metric

Report = Mapping[str, Any]


class PairMessages:
    """The messages that a direction's report tells by id, with their texts.

    Args:
        telling: key `telling` of the direction.
        outputs: of its systems; messages that they lack are left out.
        metric: whose score of the single message goes with each.
    """

    def __init__(self, telling: Report, outputs: Mapping[str, DirectionOutputs], metric: Metric) -> None:
        self.telling, self.outputs = telling, outputs
        self._scores = {system: mine.scores(metric) for system, mine in outputs.items()}

    def of_systems(self, key: str) -> list[dict[str, Any]]:
        """Messages of each system under a key such as `worst`."""
        return [
            {"system": system, "messages": [self._message(system, m) for m in told if self._has(system, m)]}
            for system, told in self.telling.get(key, {}).items()
            if system in self.outputs
        ]

    def battles(self, compared: Sequence[Report]) -> list[dict[str, Any]]:
        """For each compared pair of systems the messages that gained and lost most; `before` is what the first said."""
        found = []
        for a, b in ((row["a"], row["b"]) for row in compared if {row["a"], row["b"]} <= self.outputs.keys()):
            sides: dict[str, Any] = {"a": a, "b": b}
            for key in ("wins", "losses"):
                told = [m for m in self.telling.get(key, []) if (m["a"], m["b"]) == (a, b)]
                sides[key] = [
                    self._message(b, m) | {"before": self._message(a, m)["hypothesis"]}
                    for m in told
                    if self._has(a, m) and self._has(b, m)
                ]
            found.append(sides)
        return found

    @cached_property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """By message id the kinds that it is of, as a reader calls them."""
        found: dict[str, list[str]] = {}
        for mine in self.outputs.values():
            if found.keys() >= mine.place.keys():
                continue
            rows = bucket_rows(mine.direction, mine.sources, mine.references, mine.domains, {})
            for (kind, name), lines in rows.items():
                label = LABELS[kind] if name == "with" else f"{LABELS[kind]} {name}"
                for line in lines if name != "without" else ():
                    found.setdefault(mine.row_ids[line], []).append(label)
        return {row_id: tuple(dict.fromkeys(kinds)) for row_id, kinds in found.items()}

    def _has(self, system: str, message: Report) -> bool:
        return message["row_id"] in self.outputs[system].place

    def _message(self, system: str, told: Report) -> dict[str, Any]:
        mine = self.outputs[system]
        line = mine.place[told["row_id"]]
        return {
            "domain": mine.domains[line],
            "source": mine.sources[line],
            "reference": mine.references[line],
            "hypothesis": mine.hypotheses[line],
            "flags": mine.flags[line],
            **told,
            "failures": mine.flags[line],
            "kinds": self.kinds.get(told["row_id"], ()),
            "points": round(float(self._scores[system][line]), 1),
        }
