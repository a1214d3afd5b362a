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
from qe_model.scoring.decisions import ANY, STRAIGHT, UNITS, Curve, Decisions
from qe_model.scoring.fitting import best_severity_bias, calibrate, macro_f1, tuned_threshold
from qe_model.scoring.prediction import Probabilities
from qe_model.scoring.publishable import PRECISIONS, has_serious_error, is_error_free, publishable_penalty

if TYPE_CHECKING:
    Table = tuple[Floats, Floats]  # probabilities [N, 4] and labels [N]

ENOUGH_BAD: Final = 200  # bad words of a direction below which its threshold is that of all directions
ENOUGH_PAIRS: Final = 200  # likewise pairs of translations of one source
ENOUGH_SENTENCES: Final = 200  # likewise translations, for the calibration of penalties
GLOBAL: Final = (ANY, ANY)
_TOGETHER: Final = tuple(style for style in STYLES if style not in (*APART, "synthetic"))
Publishable = tuple[dict[str, float], dict[str, dict[str, float]]]  # `Decisions.publishable` and `.error_free`
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
    styles = [style_of(one) for one in translations]
    main = _main_style(styles)
    tables = {unit: word_tables(translations, predicted, unit, _leading) for unit in UNITS}
    decided = Decisions({unit: _thresholds(tables[unit]) for unit in UNITS}, style=main)
    places = [place for place, one in enumerate(translations) if "severity" in one.known]
    if any(styles[place] == main for place in places):
        words, threshold = tables["target"][_leading(main), ANY], decided.threshold("target", main, ANY)
        decided = replace(decided, severity_bias=best_severity_bias(*words, threshold))
    raw = [decided.raw_penalty(predicted[place].target, predicted[place].gaps) for place in places]
    gold = [penalty(translations[place].spans, len(translations[place].raters)) for place in places]
    known = [(styles[place], translations[place].direction) for place in places]
    decided = replace(decided, calibration=_curves(known, raw, gold, main))
    judged = [
        (translations[place], decided.penalty(points, *key), given)
        for place, key, points, given in zip(places, known, raw, gold, strict=True)
    ]
    publishable, error_free = _publishable(judged)
    return replace(decided, ties=_ties(judged), publishable=publishable, error_free=error_free)


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


def _curves(keys: Sequence[Key], raw: Sequence[float], gold: Sequence[float], main: str) -> dict[str, Curve]:
    """Calibrations by key; that of all is the main style's."""
    groups: dict[Key, list[int]] = defaultdict(list)
    for place, (style, direction) in enumerate(keys):
        for key in ((style, direction), (style, ANY)):
            groups[key].append(place)
    found = {
        _name(key): calibrate([raw[place] for place in places], [gold[place] for place in places])
        for key, places in groups.items()
        if len(places) >= ENOUGH_SENTENCES or ANY in key
    }
    return found | {ANY: found.get(_name((main, ANY)), STRAIGHT)}


def _ties(judged: Sequence[tuple[AnnotatedTranslation, float, float]]) -> dict[str, float]:
    """Ties by key from translations with the model's and people's penalties (tie calibration; Deutsch et al., 2023)."""
    groups: dict[Key, list[tuple[AnnotatedTranslation, float, float]]] = defaultdict(list)
    for one in judged:
        leading, direction = _leading(style_of(one[0])), one[0].direction
        for key in ((leading, direction), (leading, ANY)):
            groups[key].append(one)
    found: dict[str, float] = {}
    for (leading, direction), members in groups.items():
        pairs = Pairs.of([(one.direction, one.source) for one, *_ in members])
        model, people = (np.array([one[side] for one in members]) for side in (1, 2))
        if len(pairs) >= ENOUGH_PAIRS or direction == ANY:
            tie = tie_threshold(pairs, people, model)
            found |= {_name((style, direction)): tie for style in _sharing(leading)}
    return found


def _publishable(judged: Sequence[tuple[AnnotatedTranslation, float, float]]) -> Publishable:
    """Highest penalties that may go out, by style and direction; a direction with few sentences has none of its own."""
    groups: dict[Key, list[int]] = defaultdict(list)
    for place, (one, _, _) in enumerate(judged):
        for key in ((style_of(one), one.direction), (style_of(one), ANY)):
            groups[key].append(place)
    kept = {_name(key): places for key, places in groups.items() if len(places) >= ENOUGH_SENTENCES or ANY in key}
    penalties = np.array([model for _, model, _ in judged])
    serious = np.array([has_serious_error(one) for one, *_ in judged])
    erring = np.array([not is_error_free(one) for one, *_ in judged])
    serious_free = {name: publishable_penalty(penalties[places], serious[places]) for name, places in kept.items()}
    return serious_free, {
        name: {f"{share:g}": publishable_penalty(penalties[places], erring[places], share) for share in PRECISIONS}
        for name, places in kept.items()
    }


def _name(key: Key) -> str:
    return ANY if key == GLOBAL else "/".join(key)


def _enough(key: Key, table: "Table") -> bool:
    """Whether a direction has bad words enough to be judged by itself; all directions together always have."""
    return key[1] == ANY or int((table[1] > 0).sum()) >= ENOUGH_BAD


def _sharing(style: str) -> tuple[str, ...]:
    """Styles with the same thresholds and ties."""
    return _TOGETHER if style in _TOGETHER else (style,)


def _leading(style: str) -> str:
    return _sharing(style)[0]


def _graded(translations: Sequence[AnnotatedTranslation], predicted: Sequence[Probabilities]) -> "Table | None":
    """Target words of the translations whose severities are known."""
    kept = [place for place, one in enumerate(translations) if "severity" in one.known]
    tables = word_tables([translations[i] for i in kept], [predicted[i] for i in kept], "target")
    return tables.get(GLOBAL)
