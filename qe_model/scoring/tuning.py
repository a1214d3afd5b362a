"""Scores on dev data, and the decisions that are tuned there: thresholds, severities, calibration."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from qe_model.annotations.annotation import APART, STYLES, AnnotatedTranslation, penalty
from qe_model.annotations.labels import style_of
from qe_model.annotations.raters import labels_of
from qe_model.arrays import Floats
from qe_model.evaluation.sentence_metrics import Pairs, tie_threshold
from qe_model.scoring.decisions import ANY, STRAIGHT, UNITS, Decisions
from qe_model.scoring.fitting import best_severity_bias, calibrate, macro_f1, tuned_threshold
from qe_model.scoring.prediction import Probabilities
from qe_model.scoring.publishable import PRECISIONS, has_error, has_serious_error, publishable_penalty

if TYPE_CHECKING:
    Table = tuple[Floats, Floats]  # probabilities [N, 4] and labels [N]

ENOUGH_BAD: Final = 200  # bad words of a direction below which its threshold is that of all directions
ENOUGH_SENTENCES: Final = 200  # likewise translations, for what is tuned on penalties
GLOBAL: Final = (ANY, ANY)
_TOGETHER: Final = tuple(style for style in STYLES if style not in (*APART, "synthetic"))
Key = tuple[str, str]  # style and direction, either may be ANY


def word_tables(
    translations: Sequence[AnnotatedTranslation],
    predicted: Sequence[Probabilities],
    unit: str,
    name: Callable[[str], str] = str,
) -> "dict[Key, Table]":
    """Probabilities and majority labels of a unit's words by (style, direction), (style, *) and (*, *).

    Args:
        name: of a style, in these keys; styles with one name are joined.
    """
    found: dict[Key, list[Table]] = defaultdict(list)
    for one, probabilities in zip(translations, predicted, strict=True):
        if unit != "target" and unit not in one.known:
            continue
        side = "source" if unit == "source" else "target"
        labels = labels_of(one, getattr(probabilities, f"{side}_words"), side)  # type: ignore[arg-type]
        wanted = np.array(labels.gaps if unit == "gaps" else labels.severity, np.int64)
        style = name(style_of(one))
        for key in ((style, one.direction), (style, ANY), GLOBAL):
            found[key].append((getattr(probabilities, unit), wanted))
    return {
        key: (np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]))
        for key, parts in found.items()
    }


def dev_scores(translations: Sequence[AnnotatedTranslation], predicted: Sequence[Probabilities]) -> dict[str, float]:
    """`dev/mcc`: the mean over styles and directions of the best Matthews correlation on target words.

    With it each of them (`dev/mcc/mqm/en-de`), `dev/gap_mcc`, `dev/source_mcc` over all, and `dev/severity_f1`, the
    macro-F1 of severities over all words whose severity is known.
    """
    tables = word_tables(translations, predicted, "target")
    each = {key: best_mcc(table) for key, table in tables.items() if ANY not in key}
    scores = {f"dev/mcc/{style}/{direction}": value for (style, direction), value in each.items()}
    scores["dev/mcc"] = float(np.mean(list(each.values()))) if each else 0.0
    for unit, name in (("gaps", "gap_mcc"), ("source", "source_mcc")):
        table = word_tables(translations, predicted, unit).get(GLOBAL)
        scores[f"dev/{name}"] = best_mcc(table) if table else 0.0
    graded = _graded(translations, predicted)
    if graded is not None:
        threshold = tuned_threshold(*graded)[0]
        scores["dev/severity_f1"] = macro_f1(Decisions().severities(graded[0], threshold), graded[1])
    return scores


def best_mcc(table: "Table") -> float:
    """The best Matthews correlation over all thresholds."""
    return tuned_threshold(*table)[1]


def tune(translations: Sequence[AnnotatedTranslation], predicted: Sequence[Probabilities]) -> Decisions:
    """All decisions, from dev data alone.

    The styles of news and talks share the thresholds of a direction: one whose bad words are hard to find is then
    marked little, not at random.
    """
    main = _main_style([style_of(one) for one in translations])
    tables = {unit: word_tables(translations, predicted, unit, _leading) for unit in UNITS}
    decided = Decisions({unit: _thresholds(tables[unit]) for unit in UNITS}, style=main)
    graded = [pair for pair in zip(translations, predicted, strict=True) if "severity" in pair[0].known]
    if any(style_of(one) == main for one, _ in graded):
        words, threshold = tables["target"][_leading(main), ANY], decided.threshold("target", main, ANY)
        decided = replace(decided, severity_bias=best_severity_bias(*words, threshold))
    return _with_penalties(decided, [one for one, _ in graded], [said for _, said in graded])


def _with_penalties(
    decided: Decisions, rows: Sequence[AnnotatedTranslation], predicted: Sequence[Probabilities]
) -> Decisions:
    """The same with what is tuned on penalties: their calibration, what is equal, what may go out."""
    groups = _groups(rows)
    raw = np.array([decided.raw_penalty(said.target, said.gaps) for said in predicted])
    people = np.array([penalty(one.spans, len(one.raters)) for one in rows])
    curves = {name: calibrate(raw[places], people[places]) for name, places in groups.items()}
    decided = replace(decided, calibration=curves | {ANY: curves.get(_name((decided.style, ANY)), STRAIGHT)})
    model = np.array([decided.penalty(*each) for each in zip(raw, *_styles_and_directions(rows), strict=True)])
    serious, erring = (np.array([is_so(one) for one in rows]) for is_so in (has_serious_error, has_error))
    sources = [(one.direction, one.source) for one in rows]
    return replace(
        decided,
        ties={
            name: tie_threshold(Pairs.of([sources[place] for place in places]), people[places], model[places])
            for name, places in groups.items()
        },
        publishable={name: publishable_penalty(model[places], serious[places]) for name, places in groups.items()},
        error_free={
            name: {f"{share:g}": publishable_penalty(model[places], erring[places], share) for share in PRECISIONS}
            for name, places in groups.items()
        },
    )


def _styles_and_directions(rows: Sequence[AnnotatedTranslation]) -> tuple[list[str], list[str]]:
    return [style_of(one) for one in rows], [one.direction for one in rows]


def _groups(rows: Sequence[AnnotatedTranslation]) -> dict[str, list[int]]:
    """Places of the rows of each style and direction that has enough of them, and of each style."""
    groups: dict[Key, list[int]] = defaultdict(list)
    for place, key in enumerate(zip(*_styles_and_directions(rows), strict=True)):
        groups[key].append(place)
        groups[key[0], ANY].append(place)
    return {_name(key): places for key, places in groups.items() if len(places) >= ENOUGH_SENTENCES or ANY in key}


def _main_style(styles: Sequence[str]) -> str:
    """The way of annotating that scoring follows: people's severities where there are any, else the most frequent."""
    return STYLES[0] if STYLES[0] in styles else max(sorted(set(styles), key=STYLES.index), key=styles.count)


def _thresholds(tables: "dict[Key, Table]") -> dict[str, float]:
    """Thresholds by key, the same for all styles that share them; `tables` are by the first of those."""
    found = {ANY: 0.5}
    for (leading, direction), table in tables.items():
        if _enough((leading, direction), table):
            threshold = tuned_threshold(*table)[0]
            found |= {_name((style, direction)): threshold for style in _sharing(leading)}
    return found


def _name(key: Key) -> str:
    return ANY if key == GLOBAL else "/".join(key)


def _enough(key: Key, table: "Table") -> bool:
    """Whether a direction has bad words enough to be judged by itself; all directions together always have."""
    return key[1] == ANY or int((table[1] > 0).sum()) >= ENOUGH_BAD


def _sharing(style: str) -> tuple[str, ...]:
    """Styles with the same thresholds."""
    return _TOGETHER if style in _TOGETHER else (style,)


def _leading(style: str) -> str:
    return _sharing(style)[0]


def _graded(translations: Sequence[AnnotatedTranslation], predicted: Sequence[Probabilities]) -> "Table | None":
    """Target words of the translations whose severities are known."""
    kept = [place for place, one in enumerate(translations) if "severity" in one.known]
    tables = word_tables([translations[i] for i in kept], [predicted[i] for i in kept], "target")
    return tables.get(GLOBAL)
