"""Tables of an evaluation of quality estimation, as they stand in docs/results/qe.md.

    python -m benchmarks.qe_results evaluation=runs/qe/qe_evaluation

Published figures: best systems and the organisers' baseline of the word-level task of WMT22, on its own test sets.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.time_to_quality import finished
from parley.config.command_line import argument, run

Scores = Mapping[str, Any]
WORDS: Final = {"mcc": "word MCC", "f1_bad": "F1-BAD", "severity_macro_f1": "severity macro-F1", "span_f1": "span F1"}
SENTENCES: Final = {
    "pairwise_accuracy": "accuracy in source",
    "spearman": "Spearman",
    "spearman_per_word": "per word",
    "system_accuracy": "systems",
}
PUBLISHABLE: Final = {"coverage": "goes out", "precision": "of it clean", "clean": "of all clean"}
BASELINES: Final = {
    "base_rate": "base rate",
    "alignment": "frequency and alignment",
}
WANTED: Final = {  # keys of a group -> what it should reach
    "en-de": 0.22, "zh-Hans-en": 0.25, "en-ru": 0.26, "en-de/tags": 0.33, "en-zh-Hans/tags": 0.31,
    "mqm_wmt22qe/en-de": 0.25, "mqm_wmt22qe/zh-Hans-en": 0.26, "mqm_wmt22qe/en-ru": 0.33,
    "wordtags_mlqepe/en-de": 0.33, "wordtags_mlqepe/en-zh-Hans": 0.31,
}  # fmt: skip
PUBLISHED: Final = {  # test set -> best system, organisers' baseline
    "mqm_wmt22qe/en-de": (0.35, 0.18), "mqm_wmt22qe/zh-Hans-en": (0.36, 0.10), "mqm_wmt22qe/en-ru": (0.43, 0.20),
}  # fmt: skip


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    evaluation: str = argument("stage folder of a finished evaluation of quality estimation")


def main(arguments: Arguments) -> None:
    """Print the tables."""
    path = finished(Path(arguments.evaluation)) / "qe_scores.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    for part in ("human", "human_sets"):
        if part in scores:
            print("\n".join(word_table(scores[part], scores.get("baselines", {}))), end="\n\n")
            print("\n".join(sentence_table(scores[part])), end="\n\n")
    print("\n".join(other_lines(scores)))


def word_table(groups: Scores, baselines: Scores) -> Iterable[str]:
    """Words and spans of each group, beside what baselines and published systems reach."""
    beside = [title for name, title in BASELINES.items() if any(name in found for found in baselines.values())]
    names = [name for name, title in BASELINES.items() if title in beside]
    heads = [
        "test set",
        "n",
        *WORDS.values(),
        *(f"MCC: {title}" for title in beside),
        "wanted",
        "published",
        "WMT22 base",
    ]
    yield row(heads)
    yield row(["---"] * len(heads))
    for key, found in groups.items():
        others = [show(baselines.get(key, {}).get(name, {}).get("mcc")) for name in names]
        best, base = (f"{value:.2f}" for value in PUBLISHED[key]) if key in PUBLISHED else ("", "")
        wanted = f"{WANTED[key]:.2f}" if key in WANTED else ""
        yield row([key, found["translations"], *(show(found[name]) for name in WORDS), *others, wanted, best, base])


def sentence_table(groups: Scores) -> Iterable[str]:
    """Sentence scores of the groups that have them, and what may go out without a look."""
    yield row(["test set", *SENTENCES.values(), *PUBLISHABLE.values()])
    yield row(["---"] * (1 + len(SENTENCES) + len(PUBLISHABLE)))
    for key, found in groups.items():
        if told := found.get("sentence"):
            shares = (show(told["publishable"][name]) for name in PUBLISHABLE)
            yield row([key, *(show(told[name]) for name in SENTENCES), *shares])


def other_lines(scores: Scores) -> Iterable[str]:
    """Synthetic errors, pairs that the conversation decides, damage."""
    pooled = scores.get("synthetic_all", {})
    for name in (*WORDS, "gap_mcc"):
        if name in pooled:
            yield f"synthetic errors, {WORDS.get(name, name)}: {show(pooled[name])}"
    context = scores.get("context", {})
    for name in ("with_context", "without_context", "gain"):
        if name in context:
            yield f"{name.replace('_', ' ')} ({context['pairs']} pairs): {show(context[name])}"
    curves = scores.get("damage", {})
    falling = sum(curve["falls"] for curve in curves.values())
    yield f"falls at every step of damage: {falling} of {len(curves)} languages"


def show(estimate: Scores | None) -> str:
    """Value and interval; a dash where there is none."""
    if not estimate or estimate["value"] is None:
        return "-"
    low_high = estimate["ci"]
    return f"{estimate['value']:.3f}" + (f" [{low_high[0]:.3f}, {low_high[1]:.3f}]" if low_high else "")


def row(cells: Iterable[Any]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(run(main, Arguments))
