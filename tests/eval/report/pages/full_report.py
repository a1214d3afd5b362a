"""A report with every part: 16 languages, four systems, gates, findings, comparison, QE; figures are made up."""

import random
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from eval.report.writing import write_report
from eval.scoring.direction_scores import score_outputs
from eval.scoring.message_scores import score_messages
from eval.stored_outputs import StoredOutputs
from eval.testsets.outputs import SCHEMA
from parley.languages.table import CODES, directions
from parley.metrics.message_quality import SCHEMA as QUALITY
from tests.eval.examples import NeverOffTarget

SYSTEMS: Final = ("teacher", "student", "student_int8", "from_file")
EVIL: Final = '<script>window.ran = 1</script><img src=x onerror="window.ran = 1">"\'&lt;'
WORDS: Final = {
    "ja": "今日は新しい剣を買った",
    "zh-Hans": "我们一起去打那条龙吧",
    "zh-Hant": "我們一起去打那條龍吧",
    "th": "ไปตีมังกรด้วยกัน",
}


def outputs(names: list[str], messages: int = 6) -> pa.Table:
    """Outputs of all systems; each has its own words, the first source and output of each direction are hostile."""
    generator = random.Random(1)
    lines = []
    for direction in names:
        target = next(code for code in CODES if direction.endswith(f"-{code}"))
        for system in SYSTEMS:
            for row in range(messages):
                reference = WORDS.get(target, f"the dragon number {row} waits behind the old gate of Mira")
                text = reference[: len(reference) - generator.randrange(len(reference) // 2)]
                source, hypothesis = (EVIL, EVIL + text) if row == 0 else (f"lol dragon {row} Mira 😀", text)
                lines.append((direction, system, f"row:{row}", "lobby|<b>", source, reference, hypothesis))
    columns = zip(*lines, strict=True)
    return pa.table(dict(zip(SCHEMA.names, map(list, columns), strict=True)), schema=SCHEMA)


def full_report(names: list[str]) -> tuple[dict[str, Any], StoredOutputs]:
    """A report without details, and its outputs with their scores."""
    table = outputs(names)
    messages = score_messages(table, NeverOffTarget())
    report = _facts() | score_outputs(table, None, 100, 1, messages)
    return report | _judgement(names), StoredOutputs(table, messages)


def quality(table: pa.Table) -> pa.Table:
    """Scores of all outputs but those of the last system; the hostile ones have a critical error over their markup."""
    rows = []
    for line in table.select(["pair", "system", "row_id"]).to_pylist():
        if line["system"] == SYSTEMS[-1]:
            continue
        hostile = line["row_id"] == "row:0"
        error = {"side": "target", "severity": "critical" if hostile else "minor", "dimension": "accuracy"}
        spans = [error | {"start": 0, "end": 8}, error | {"start": 12, "end": 12}, error | {"start": 0, "end": 9_999}]
        counts = {"minor": 3 * (not hostile), "major": 0, "critical": 3 * hostile, "accuracy": 3, "fluency": 0}
        facts = {"score": 20.0 if hostile else 80.0, "words": 10, "consistency": 0, **counts}
        flags = ["<b>flag"] if hostile else []
        rows.append(
            line | facts | {"flags": flags, "spans": [*spans, error | {"side": "source", "start": 0, "end": 4}]}
        )
    return pa.Table.from_pylist(rows, schema=QUALITY)


def write(folder: Path, names: list[str]) -> dict[str, Any]:
    """Write the whole report into a folder."""
    report, stored = full_report(names)
    write_report(folder, report, stored, samples=100, quality=quality(stored.outputs))
    return report


def _facts() -> dict[str, Any]:
    return {
        "schema": 1,
        "run": _run(),
        "systems": {"teacher": {"params": 11_200_000, "active_params": 5_000_000, "bytes": 44_800_000}},
        "slices": {"auto_source": {"teacher": {"chrf": 60.0, "clean": 61.0, "delta_ci": [-2.0, -0.5], "n": 2400}}},
        "source_detection": {"accuracy": 0.97, "n": 99, "by_length": {"1-5": {"accuracy": 0.8, "n": 9}}},
        "copy_accuracy": {"teacher": {"all": {"accuracy": 0.75, "n": 8}}, "student": {}},
        "speed": {
            "teacher": {"messages": 24_000, "seconds": 60.0, "messages_per_second": 400.0, "beam_size": 1},
            "student_int8": {"latency_p50_ms": 7.25, "latency_p99_ms": 31.0, "latency_messages": 90},
        },
        "quantization": {"student_int8": _quantization()},
        "qe": _qe(),
        "people": {"en-fr": _people()},
        "training": {"curves": {"loss": [[1, 5.0], [9, 2.0]], "dev/chrf": [[5, 20.0], [9, 60.0]]}},
        "data": _data(),
        "tokenizer": {"languages": {"th": {"tokens_per_character": 0.4, "tokens_per_word": None, "byte_share": 0.0}}},
        "routing": _routing(),
    }


def _run() -> dict[str, Any]:
    return {
        "name": "demo <b>",
        "versions": {"python": "3.11"},
        "git": {"revision": "0123456789abcdef", "changed": False},
        "hardware": {"processor": "Some CPU", "cores": 2, "memory_gb": 8.0},
        "seeds": {"teacher.training": 1},
        "seconds": {"corpus": 3.0, "teacher": 240.5},
        "fingerprints": {"corpus": "aa", "teacher": "bb"},
        "configs": {"corpus": {"seed": 1, "sources": ["a", "b"]}},
    }


def _quantization() -> dict[str, Any]:
    return {
        "engine": "onnx",
        "weights": "int8",
        "parity": {"messages": 200, "same": 187, "differing": 13},
        "layers": [{"name": f"<i>.{n}", "error": 0.01 * n, "outliers": 3.0} for n in range(7)],
    }


def _qe() -> dict[str, Any]:
    return {
        "synthetic": {
            "mcc": 0.62,
            "mcc_ci": [0.6, 0.64],
            "severity_macro_f1": 0.5,
            "severity_macro_f1_ci": [0.4, 0.6],
        },
        "human": {
            "en-fr": {"mcc": 0.25, "mcc_ci": [0.2, 0.3], "baselines": {"base_rate": 0.0, "alignment": 0.11}},
            "en-fr/tags": {"mcc": None, "mcc_ci": None, "baselines": {}},
        },
        "context": {
            "pairs": 99,
            "with_context": {"value": 0.7, "ci": [0.6, 0.8]},
            "without_context": {"value": 0.5, "ci": [0.4, 0.6]},
        },
        "error_free": {"style": "mqm", "groups": {"en-fr": _error_free(0.93), "*": _error_free(None)}},
        "damage": {
            "fr": {"shares": [0.0, 0.5, 1.0], "scores": [90.0, 60.0, 30.0], "messages": 9, "falls": True},
            "th": {"shares": [0.0, 0.5, 1.0], "scores": [90.0, 60.0, 61.0], "messages": 9, "falls": False},
        },
    }


def _error_free(precision: float | None) -> dict[str, Any]:
    """A threshold between the two scores of `quality`, and one that nothing reaches."""
    measured = {"value": precision, "ci": None if precision is None else [precision - 0.1, precision + 0.05]}
    share, nothing = {"value": 0.5, "ci": [0.4, 0.6]}, {"value": None, "ci": None}
    levels = {
        "0.8": {"score": 50.0, "precision": measured, "coverage": share},
        "0.9": {"score": None, "precision": nothing, "coverage": {"value": 0.0, "ci": [0.0, 0.0]}},
    }
    curve = [[80.0, 0.5, 0.9], [20.0, 1.0, 0.6]]
    return {"translations": 400, "error_free": share, "levels": levels, "curve": curve}


def _people() -> dict[str, Any]:
    score = {"score": 71.5, "score_ci": [60.0, 80.0], "n": 20}
    sure = {"a": "teacher", "b": "student", "delta": -9.0, "delta_ci": [-12.0, -5.0], "p_value": 0.001}
    return {
        "raters": 2,
        "outputs": 80,
        "unchanged": 77,
        "systems": {"teacher": score, "student": score},
        "comparisons": [sure],
        "agreement": {"mcc": 0.41, "mcc_ci": [0.3, 0.5], "words": 900},
    }


def _data() -> dict[str, Any]:
    example = {"en": "<b>!", "fr": "x"}
    return {
        "withheld_pairs": ["fr-th"],
        "rows": {"train": 900, "dev": 50, "test": 50},
        "languages": {code: {"train": 800, "dev": 40, "test": 45} for code in CODES},
        "pairs": {"en-fr": 700},
        "cleaning": {"filters": [{"name": "length", "rows_in": 9, "rows_out": 8, "examples": [example]}]},
    }


def _routing() -> dict[str, Any]:
    generator = random.Random(2)
    shares = [[generator.random() for _ in range(8)] for _ in CODES]
    return {
        "languages": list(CODES),
        "experts_by_language": {"encoder.1": shares, "decoder.1": shares[::-1]},
        "mutual_information": {"family": {"encoder.1": 0.4}, "mean": 0.4},
    }


def _judgement(names: list[str]) -> dict[str, Any]:
    changed = {d: _change(place) for place, d in enumerate(names)}
    student = {"mean": changed[names[0]], "worse": names[:1], "better": [], "pairs": changed}
    told = {"accepted": 12, "gain_ci": [1.0, 2.0], "histogram": [1, 2, 3]}
    return {
        "gates": [
            _gate("mean_chrf", "mean.chrf", 41.2, 38.0, True),
            _gate("worst", "worst.chrf", 1.0, 20.0, False, names[0], "a | b <i>"),
            _gate("latency", "speed.ms", None, 60.0, None, note="not judged"),
        ],
        "comparison": {"baseline": {"name": "january"}, "alpha": 0.05, "systems": {"student": student}},
        "findings": [_finding(names[0])],
        "backtranslation": {
            "pairs": {names[0]: {"without": 30.1, "with": 36.4, "delta_ci": [5.1, 7.4]}},
            "rounds": [{"adopted": True, "pairs": {names[0]: told}}],
        },
    }


def _gate(
    name: str,
    metric: str,
    value: float | None,
    limit: float,
    passed: bool | None,
    pair: str | None = None,
    note: str = "",
) -> dict[str, Any]:
    kind = {"kind": "absolute", "system": "student_int8", "ci": None, "p_value": None, "compare": ">="}
    told = {"metric": metric, "pair": pair, "value": value, "limit": limit, "passed": passed, "note": note}
    return {**kind, "name": name, **told}


def _finding(direction: str) -> dict[str, Any]:
    example = {"pair": direction, "row_id": "r", "source": EVIL, "reference": "r", "before": "a b", "after": EVIL}
    return {
        "rank": 1,
        "analyzer": "decoding_anomalies",
        "kind": "cause",
        "strength": 0.94,
        "system": "student",
        "pairs": [direction],
        "title": "9 % of the outputs <loop>",
        "evidence": [{"label": "looping", "before": None, "after": 0.09, "unit": "share"}],
        "examples": [example],
        "chain": ["regression", "decoding_anomalies"],
        "next": "look at length_factor",
    }


def _change(place: int) -> dict[str, Any]:
    delta = -3.0 if place == 0 else 0.1
    verdict = "worse" if place == 0 else "same"
    found = {"before": 30.0, "after": 30.0 + delta, "delta": delta, "delta_ci": [delta - 1, delta + 1]}
    return found | {"p_value": 0.001, "p_adjusted": 0.004, "verdict": verdict}


ALL: Final = directions()
