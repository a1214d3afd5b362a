"""Did the data of these pairs change: training rows, the share that is synthetic, what the filters dropped.

The strength is how far the input changed, lowered by how many pairs with the same change did not get worse.
"""

from collections.abc import Mapping
from typing import Any, Final

from eval.analyzers.finding import Finding, figure, listed
from eval.analyzers.question import Question, Side
from eval.analyzers.registry import analyzer
from parley.languages.table import CODES, pair

MIN_CHANGE: Final = 0.1  # relative change of rows; difference of shares
FEW: Final = 0.25  # of the median pair's rows


@analyzer("data_change", "loss", "language", "level")
def data_change(question: Question) -> list[Finding]:
    """Findings about rows, synthetic share and filters."""
    if question.before is None:
        return _few_rows(question)
    before, after = question.before, question.after
    if before.evidence is after.evidence:
        return []
    return [*_rows(question, before), *_synthetic(question, before), *_filters(question, before)]


def rows_by_pair(report: Mapping[str, Any]) -> dict[str, int]:
    """Training rows of each unordered pair, under both directions; withheld pairs have none."""
    data = report.get("data", {})
    withheld = {frozenset(pair(name)) for name in data.get("withheld_pairs", [])}
    found = {}
    for name, rows in data.get("pairs", {}).items():
        first, second = pair(name)
        for direction in (f"{first}-{second}", f"{second}-{first}"):
            found[direction] = 0 if frozenset((first, second)) in withheld else int(rows)
    return found


def synthetic_shares(report: Mapping[str, Any]) -> dict[str, float]:
    """Synthetic rows as a share (0 to 1) of all rows of a direction, in the last round of back-translation."""
    rounds = report.get("backtranslation", {}).get("rounds", [])
    found = {}
    for direction, entry in (rounds[-1].get("pairs", {}) if rounds else {}).items():
        if ratio := entry.get("ratio"):  # synthetic rows per human row
            found[direction] = ratio / (1 + ratio)
    return found


def filter_shares(report: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """(filter, language) -> cells dropped, as a share of the cells that this filter or a later one decided on."""
    data = report.get("data", {})
    kept = {code: sum(counts.values()) for code, counts in data.get("languages", {}).items()}
    found = {}
    for entry in data.get("cleaning", {}).get("filters", []):
        dropped = entry.get("cells_dropped", {})
        for code in kept:
            total = kept[code] + dropped.get(code, 0)
            found[entry["name"], code] = dropped.get(code, 0) / total if total else 0.0
    return found


def _specific(changes: Mapping[str, float], pairs: tuple[str, ...], change: float) -> float:
    """Share (0 to 1) of the other directions that changed less than half as much; 1 where there are no others.

    Both directions of a pair read the same rows, so the way back is not among the others.
    """
    known = {frozenset(pair(direction)) for direction in pairs}
    others = [value for direction, value in changes.items() if frozenset(pair(direction)) not in known]
    return sum(value < change / 2 for value in others) / len(others) if others else 1.0


def _rows(question: Question, before: Side) -> list[Finding]:
    then, now = rows_by_pair(before.report), rows_by_pair(question.after.report)
    lost = {d: 1 - now[d] / then[d] for d in now if then.get(d)}
    concerned = sorted((d for d in question.pairs if lost.get(d, 0) >= MIN_CHANGE), key=lambda d: -lost[d])
    if not concerned:
        return []
    change = sum(lost[d] for d in concerned) / len(concerned)
    title = f"{listed(concerned)}: {change:.0%} fewer training rows ({concerned[0]}: {then[concerned[0]]:,} to "
    return [
        Finding(
            kind="cause",
            strength=change * _specific(lost, question.pairs, change),
            title=title + f"{now[concerned[0]]:,})",
            pairs=tuple(concerned),
            evidence=tuple(figure(f"training rows of {d}", then[d], now[d], "rows") for d in concerned[:5]),
            next="compare `sources` and `cleaning` of both corpora; was a source or a filter changed?",
            leads_to=tuple(
                question.follow(topic="language", language=code, pairs=tuple(concerned))
                for code in list(dict.fromkeys(c for d in concerned for c in pair(d)))[:4]
            ),
        )
    ]


def _synthetic(question: Question, before: Side) -> list[Finding]:
    then, now = synthetic_shares(before.report), synthetic_shares(question.after.report)
    moved = {d: now.get(d, 0.0) - then.get(d, 0.0) for d in {*then, *now}}
    concerned = sorted((d for d in question.pairs if abs(moved.get(d, 0)) >= MIN_CHANGE), key=lambda d: -abs(moved[d]))
    if not concerned:
        return []
    change = sum(abs(moved[d]) for d in concerned) / len(concerned)
    worst = concerned[0]
    ends = f"{then.get(worst, 0):.0%} to {now.get(worst, 0):.0%}"
    shown = tuple(figure(f"synthetic share of {d}", then.get(d, 0.0), now.get(d, 0.0), "share") for d in concerned[:5])
    sizes = {d: abs(value) for d, value in moved.items()}
    return [
        Finding(
            kind="cause",
            strength=change * _specific(sizes, question.pairs, change),
            title=f"{listed(concerned)}: the share of synthetic rows moved ({worst}: {ends})",
            pairs=tuple(concerned),
            evidence=shown,
            next="look at ratio and filter of back-translation for these pairs",
        )
    ]


def _filters(question: Question, before: Side) -> list[Finding]:
    """Filters that drop more of a language than before."""
    then, now = filter_shares(before.report), filter_shares(question.after.report)
    languages = question.languages()
    found = []
    for name in dict.fromkeys(name for name, _ in now):
        grown = {code: now[name, code] - then.get((name, code), 0.0) for code in CODES if (name, code) in now}
        worst = max(languages, key=lambda code: grown.get(code, 0.0), default="")
        change = grown.get(worst, 0.0)
        if change < MIN_CHANGE:
            continue
        pairs = tuple(direction for direction in question.pairs if worst in pair(direction))
        rest = [value for code, value in grown.items() if code != worst]
        title = f"filter {name} drops {now[name, worst]:.0%} of {worst} (before: {then.get((name, worst), 0.0):.0%})"
        shown = (figure(f"{name}: share of {worst} dropped", then.get((name, worst), 0.0), now[name, worst], "share"),)
        strength = change * sum(value < change / 2 for value in rest) / max(1, len(rest))
        found.append(
            Finding("cause", strength, title, pairs, shown, f"see `data.cleaning`: five examples of what {name} drops")
        )
    return found


def _few_rows(question: Question) -> list[Finding]:
    """Pairs whose level is low and that have few rows beside the others."""
    rows = rows_by_pair(question.after.report)
    if not rows:
        return []
    middle = sorted(rows.values())[len(rows) // 2]
    few = sorted((d for d in question.pairs if d in rows and rows[d] < FEW * middle), key=lambda d: rows[d])
    if not few:
        return []
    shown = (*(figure(f"training rows of {d}", None, rows[d], "rows") for d in few[:5]),)
    title = f"{listed(few)}: few training rows ({few[0]}: {rows[few[0]]:,}; the median pair has {middle:,})"
    worst = question.pairs[: len(few)]  # were it the rows alone, these would be the very same directions
    strength = sum(d in few for d in worst) / len(few) * (1 - sum(rows[d] for d in few) / len(few) / max(1, middle))
    advice = "more data, back-translation or pivoting for these pairs"
    return [Finding("cause", strength, title, tuple(few), shown, advice)]
