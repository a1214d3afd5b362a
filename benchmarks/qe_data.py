"""What human annotations hold, how well two annotators agree, and what simple baselines reach on test documents.

    python benchmarks/qe_data.py root=../shared/data/qe [parts=counts,raters,baselines]

Prints Markdown tables. Thresholds and ties are tuned on the dev documents of the direction, figures are of the test
documents, intervals are 95 % over documents (1000 bootstrap samples, seed 1). One core, no GPU.
"""

import itertools
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from qe_model.annotations.annotation import AnnotatedTranslation, penalty
from qe_model.annotations.raters import labels_of
from qe_model.annotations.reading.registry import READERS
from qe_model.annotations.words import labels_to_spans, words_of_side
from qe_model.evaluation.baselines import Judge, alignment
from qe_model.evaluation.metrics import (
    SPAN_METRICS,
    WORD_METRICS,
    DocumentBootstrap,
    Estimate,
    best_threshold,
    confusion,
    mcc,
    span_counts,
)
from qe_model.evaluation.sentence_metrics import (
    Pairs,
    pairwise_accuracy,
    spearman,
    system_accuracy,
    tie_threshold,
)

MQM: Final = ("mqm_newstest2020", "mqm_newstest2021", "mqm_ted2021")
SETS: Final = (
    ("MQM en-de", MQM, "en-de"),
    ("MQM zh-Hans-en", MQM, "zh-Hans-en"),
    ("MQM en-ru", MQM, "en-ru"),
    ("WMT22 en-de", ("mqm_wmt22qe",), "en-de"),
    ("WMT22 zh-Hans-en", ("mqm_wmt22qe",), "zh-Hans-en"),
    ("WMT22 en-ru", ("mqm_wmt22qe",), "en-ru"),
    ("MLQE-PE en-de", ("wordtags_mlqepe",), "en-de"),
    ("MLQE-PE en-zh-Hans", ("wordtags_mlqepe",), "en-zh-Hans"),
)
FORMS: Final = {"mqm": "mqm_parquet", "wordtags": "word_tags"}  # by the beginning of a file's name
ALL_OK: Final = "all OK, minus length"  # of words, of sentences
PARALLEL: Final = 60_000  # sentence pairs that the alignment heuristic sees at most


def read(root: Path, name: str) -> Iterator[AnnotatedTranslation]:
    """All translations of one file."""
    return READERS[FORMS[name.partition("_")[0]]](root / f"{name}.parquet")


def print_counts(root: Path) -> None:
    """Rows, severities and bad words by file and direction."""
    print("| file | direction | translations | train/dev/test | minor | major | critical | % bad words | % bad gaps |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in sorted(path for path in root.glob("*.parquet") if path.stem.partition("_")[0] in FORMS):
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for one in read(root, path.stem):
            count = found[one.direction]
            count["rows"] += 1
            count[one.split] += 1
            count.update(span.severity for span in one.spans)
            labels = labels_of(one)
            count["words"] += len(labels.words)
            count["bad"] += sum(map(bool, labels.severity))
            count["bad_gaps"] += sum(map(bool, labels.gaps))
        for direction, count in sorted(found.items()):
            print(_counts_row(path.stem, direction, count))


def _counts_row(name: str, direction: str, count: Counter[str]) -> str:
    splits = "/".join(str(count[split]) for split in ("train", "dev", "test"))
    known = not name.startswith("wordtags")
    severities = " | ".join(str(count[s]) if known else "-" for s in ("minor", "major", "critical"))
    shares = " | ".join(
        f"{100 * count[k] / count['words']:.1f}" if count["words"] else "-" for k in ("bad", "bad_gaps")
    )
    return f"| {name} | {direction} | {count['rows']} | {splits} | {severities} | {shares} |"


def print_raters(root: Path) -> None:
    """Two annotators of one translation against each other, both ways round."""
    print("\n| direction | translations | word MCC | F1-BAD | severity macro-F1 | span F1 | MCC, gaps as words |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    by_direction: dict[str, list[AnnotatedTranslation]] = defaultdict(list)
    for one in read(root, "mqm_newstest2020"):
        if not one.system.startswith("Human"):
            by_direction[one.direction].append(one)
    for direction, found in sorted(by_direction.items()):
        cells = [show(estimate) for estimate in rater_agreement(found)]
        print(f"| {direction} | {len(found)} | {' | '.join(cells)} |")


def rater_agreement(translations: Sequence[AnnotatedTranslation]) -> list[Estimate]:
    """Word MCC, F1-BAD, severity macro-F1, span F1, and MCC with gaps counted as words, pooled over ordered pairs."""
    documents, words, gaps, spans = [], [], [], []
    for one in translations:
        copies = [replace(one, spans=one.spans_of(rater), raters=(rater,)) for rater in one.raters]
        for first, second in itertools.permutations(copies, 2):
            gold, said = labels_of(first), labels_of(second)
            documents.append(one.document)
            words.append(confusion(gold.severity, said.severity))
            gaps.append(words[-1] + confusion(gold.gaps, said.gaps))
            spans.append(span_counts(first.spans, second.spans, len(one.target)))
    bootstrap = DocumentBootstrap(documents)
    estimates = [bootstrap.estimate(np.array(words), score) for score in WORD_METRICS.values()]
    estimates.append(bootstrap.estimate(np.array(spans), SPAN_METRICS["span_f1"]))
    return [*estimates, bootstrap.estimate(np.array(gaps), mcc)]


def print_baselines(root: Path) -> None:
    """Word and sentence metrics of every baseline on every test set."""
    print("\n| test set | n | baseline | word MCC | F1-BAD | severity macro-F1 | span F1 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    sentences: list[str] = []
    for title, names, direction in SETS:
        parts, mqm = _parts(root, names, direction), _parts(root, MQM, direction)
        parts["dev"] = parts["dev"] or mqm["dev"]
        for name, baseline in baselines(parts["train"] or mqm["train"]).items():
            print(_word_row(title, name, baseline, parts), flush=True)
            if title.startswith(("MQM", "WMT22")):  # word tags have no severities
                sentences.append(_sentence_row(title, name, baseline, parts))
    print("\n| test set | baseline | accuracy in source | Spearman | per word | systems |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(sentences))


def _parts(root: Path, names: Sequence[str], direction: str) -> dict[str, list[AnnotatedTranslation]]:
    """Machine translations of a direction by split."""
    found = [one for name in names for one in read(root, name) if one.direction == direction]
    machine = [one for one in found if not one.system.startswith(("Human", "ref"))]
    return {split: [one for one in machine if one.split == split] for split in ("train", "dev", "test")}


def baselines(texts: Sequence[AnnotatedTranslation]) -> Mapping[str, Judge]:
    """The baselines; the heuristic is trained on the texts, which are mostly good translations."""
    pairs = sorted({(one.source, one.target) for one in texts})
    chosen = np.random.default_rng(1).permutation(len(pairs))[:PARALLEL]
    return {
        ALL_OK: lambda one: np.zeros(len(words_of_side(one))),
        "frequency and alignment": alignment([pairs[i] for i in sorted(chosen)]),
    }


def sentence_scores(name: str, baseline: Judge, rows: Sequence[AnnotatedTranslation]) -> np.ndarray:
    """Minus the mean badness of words; where all are OK, minus the length."""
    if name == ALL_OK:
        return np.array([-float(len(one.target)) for one in rows])
    return np.array([-float(np.mean(badness)) if len(badness := baseline(one)) else 0.0 for one in rows])


def _word_row(title: str, name: str, baseline: Judge, parts: Mapping[str, list[AnnotatedTranslation]]) -> str:
    dev, test = parts["dev"], parts["test"]
    badness = np.concatenate([baseline(one) for one in dev])
    bad = np.concatenate([np.array(labels_of(one).severity) > 0 for one in dev])
    tuned = best_threshold(badness, bad).value if badness.any() else float("inf")
    words, spans = [], []
    for one in test:
        gold = labels_of(one)
        said = 2 * (baseline(one) >= tuned).astype(int)  # a baseline knows no severities: all major
        words.append(confusion(gold.severity, said))
        marked = replace(gold, severity=tuple(said), dimension=tuple(said), gaps=(0,) * (len(said) + 1))
        spans.append(span_counts(labels_to_spans(gold), labels_to_spans(marked), len(one.target)))
    bootstrap = DocumentBootstrap([one.document for one in test])
    cells = [show(bootstrap.estimate(np.array(words), score)) for score in WORD_METRICS.values()]
    cells.append(show(bootstrap.estimate(np.array(spans), SPAN_METRICS["span_f1"])))
    return f"| {title} | {len(test)} | {name} | {' | '.join(cells)} |"


def _sentence_row(title: str, name: str, baseline: Judge, parts: Mapping[str, list[AnnotatedTranslation]]) -> str:
    dev, test = (_human(parts[split]) for split in ("dev", "test"))
    scores = sentence_scores(name, baseline, dev[0])
    tie = tie_threshold(Pairs.of([one.source for one in dev[0]]), dev[1], scores)
    translations, human = test
    scores = sentence_scores(name, baseline, translations)
    bootstrap = DocumentBootstrap([one.document for one in translations])
    words = np.array([max(1, len(words_of_side(one))) for one in translations])
    estimates = (
        pairwise_accuracy(Pairs.of([one.source for one in translations]), human, scores, tie, bootstrap),
        spearman(human, scores, bootstrap),
        spearman(human / words, scores / words, bootstrap),
        system_accuracy([one.system for one in translations], human, scores, bootstrap),
    )
    return f"| {title} | {name} | {' | '.join(map(show, estimates))} |"


def _human(translations: list[AnnotatedTranslation]) -> tuple[list[AnnotatedTranslation], np.ndarray]:
    """Translations with their human scores, minus the MQM penalty."""
    return translations, np.array([-penalty(one.spans, len(one.raters)) for one in translations])


def show(estimate: Estimate) -> str:
    """Value and interval."""
    if np.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def main(words: Sequence[str]) -> None:
    """Print the parts asked for."""
    told = dict(word.split("=", 1) for word in words)
    root = Path(told.get("root", "../shared/data/qe"))
    if not root.is_dir():
        raise SystemExit(f"{root}: no such folder; give root=FOLDER")
    parts = {"counts": print_counts, "raters": print_raters, "baselines": print_baselines}
    for name in told.get("parts", ",".join(parts)).split(","):
        started = time.monotonic()
        parts[name](root)
        print(f"\n{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
