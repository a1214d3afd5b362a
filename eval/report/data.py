"""What report.json holds, gathered from the folders of finished stages. See docs/evaluation.md for the keys."""

import json
import math
import random
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from eval.config import EvaluationConfig
from eval.report.details import describe
from eval.report.routing_clusters import cluster_routing
from eval.scoring.buckets import corpus_frequent
from eval.scoring.merging import merge_scores
from eval.scoring.message_scores import SCHEMA as MESSAGE_SCHEMA
from eval.scoring.message_scores import score_messages
from eval.scoring.quality import add_quality
from eval.testsets.outputs import SCHEMA as OUTPUT_SCHEMA
from parley.languages.table import pair
from parley.metrics.scores import OffTargetDetector
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import NAME as MANIFEST
from parley.pipeline.manifest import git_state, hardware, package_versions, read_manifest

Report = dict[str, Any]
SCHEMA_VERSION: Final = 1
AGREEMENT: Final = ("mcc", "f1_bad", "severity_macro_f1", "span_f1", "gap_mcc", "spearman", "pairwise_accuracy")
LOG_POINTS: Final = 200  # of each training curve; more than a screen shows
_FROM_SCORES: Final = (
    "pairs",
    "mean",
    "metrics",
    "slices",
    "source_detection",
    "speed",
    "quantization",
    "copy_accuracy",
)


def build_report(folders: Mapping[str, Path]) -> Report:
    """Report of a run.

    Args:
        folders: finished stage folders by stage name; stages that are missing leave their keys out.
    """
    report: Report = {"schema": SCHEMA_VERSION, "run": _run_facts(folders)}
    if "teacher" in folders:
        report |= _teacher(folders["teacher"])
    if "corpus" in folders:
        report["data"] = _data(folders["corpus"])
    if "tokenizer" in folders:
        report["tokenizer"] = _facts(folders["tokenizer"])
    if "backtranslation" in folders:
        report["backtranslation"] = _json(folders["backtranslation"] / "backtranslation.json")
    if "qe_evaluation" in folders:
        report["qe"] = quality_report(_json(folders["qe_evaluation"] / "qe_scores.json"))
    evaluations = evaluation_folders(folders)
    if evaluations:
        scores = merge_scores([_json(folder / "scores.json") for folder in evaluations])
        report |= {key: scores[key] for key in _FROM_SCORES if key in scores}
        report["systems"] = _systems(scores, report.get("systems", {}))
    return report


def quality_report(scores: Report) -> Report:
    """Key `qe`: agreement of the quality-estimation model with annotations, from its `qe_scores.json`.

    `synthetic` is over all directions, `human` by direction beside the MCC of each baseline; `mcc_ci` and the like are
    95 % intervals. `context` and `damage` are handed on.
    """
    baselines = scores.get("baselines", {})
    human = {
        direction: _agreement(found)
        | {"baselines": {name: each["mcc"]["value"] for name, each in baselines.get(direction, {}).items()}}
        for direction, found in scores.get("human", {}).items()
    }
    report: Report = {"human": human} if human else {}
    if "synthetic_all" in scores:
        report["synthetic"] = _agreement(scores["synthetic_all"])
    return report | {key: scores[key] for key in ("context", "damage") if key in scores}


def _agreement(found: Report) -> Report:
    flat: Report = {}
    for key, estimate in (found | found.get("sentence", {})).items():
        if key in AGREEMENT:
            flat |= {key: estimate["value"], f"{key}_ci": estimate["ci"]}
    return flat


def evaluation_folders(folders: Mapping[str, Path]) -> list[Path]:
    """Those of the folders that hold an evaluation."""
    return [folder for folder in folders.values() if (folder / "scores.json").exists()]


def read_outputs(folders: Sequence[Path]) -> tuple[pa.Table, pa.Table]:
    """Outputs of all evaluations, and their scores line by line; scored here where a folder has no scores.

    Raises:
        InputError: a file that is not readable as Parquet.
    """
    outputs, messages = [], []
    for folder in folders:
        outputs.append(_table(folder / "outputs.parquet").select(OUTPUT_SCHEMA.names))
        scored = folder / "message_scores.parquet"
        messages.append(_table(scored) if scored.exists() else score_messages(outputs[-1], _detector()))
    if not outputs:
        return OUTPUT_SCHEMA.empty_table(), MESSAGE_SCHEMA.empty_table()
    return pa.concat_tables(outputs), pa.concat_tables(messages)


def add_details(
    report: Report,
    outputs: pa.Table,
    messages: pa.Table,
    corpus: Path | None,
    config: EvaluationConfig,
    quality: pa.Table | None = None,
) -> None:
    """Put into the report what its pages show beyond scores: per direction, over all directions, and of routing.

    Args:
        corpus: folder of the corpus stage, whose training split tells rare words; None leaves them out.
        quality: scores of quality estimation; None where it did not run.
    """
    codes = list(dict.fromkeys(pair(direction)[0] for direction in report.get("pairs", {})))
    frequent = corpus_frequent(corpus, codes) if corpus else {}
    details, overall = describe(outputs, messages, frequent, config.bootstrap_samples, config.seed)
    for direction, found in details.items():
        entry = report["pairs"][direction]
        entry |= found | {"telling": found["telling"] | entry.get("telling", {})}
    if overall:
        report["comparisons"] = overall
    if quality is not None:
        add_quality(report, quality, config.bootstrap_samples, config.seed)
    if clusters := cluster_routing(report.get("routing", {})):
        report["routing"]["clusters"] = clusters
    report["samples"] = choose_samples(outputs, config.samples, config.seed)


def _systems(scores: Report, known: Report) -> Report:
    """Sizes by system, in the order of the scores."""
    told = scores.get("systems", {})
    names = dict.fromkeys([*scores.get("mean", {}), *told, *known])
    return {name: told.get(name, {}) | known.get(name, {}) for name in names}


def evaluation_report(scores: Report, systems: Report, run: Report) -> Report:
    """Report of one evaluation outside a run, as `scripts/evaluate.py` writes it."""
    machine = {"versions": package_versions() | _sacrebleu(), "git": git_state(), "hardware": hardware()}
    report: Report = {"schema": SCHEMA_VERSION, "run": machine | run, "systems": systems}
    return report | {key: scores[key] for key in _FROM_SCORES if key in scores}


def choose_samples(outputs: pa.Table, count: int, seed: int) -> list[Report]:
    """A mix of directions: each drawn message is of another direction until all have had one."""
    generator = random.Random(seed)
    by_pair: dict[str, list[int]] = defaultdict(list)
    for index, direction in enumerate(outputs["pair"].to_pylist()):
        by_pair[direction].append(index)
    order: list[int] = []
    while by_pair and len(order) < count:
        for direction in generator.sample(sorted(by_pair), min(len(by_pair), count - len(order))):
            lines = by_pair[direction]
            order.append(lines.pop(generator.randrange(len(lines))))
            if not lines:
                del by_pair[direction]
    rows: list[Report] = outputs.take(pa.array(order, pa.int64())).to_pylist()
    return rows


def model_size(folder: Path) -> Report:
    """Parameters and bytes of a model folder, read from its safetensors headers alone; what its stage says goes first.

    Of a CTranslate2 folder only the bytes are known.

    Raises:
        InputError: a file is not safetensors.
    """
    files = sorted(folder.glob("*.safetensors"))
    params = sum(_parameters(path) for path in files)
    size = {"params": params, "bytes": sum(path.stat().st_size for path in files)} if files else {}
    if not files and (folder / "model.bin").is_file():
        size = {"bytes": (folder / "model.bin").stat().st_size}
    facts = _facts(folder) if (folder / MANIFEST).exists() else {}
    return size | {key: facts[key] for key in ("params", "active_params", "bytes") if key in facts}


def _parameters(path: Path) -> int:
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
    except (OSError, ValueError, struct.error) as error:
        raise InputError(f"{path}: not a readable safetensors file") from error
    return sum(_product(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _product(shape: Sequence[int]) -> int:
    result = 1
    for length in shape:
        result *= length
    return result


def _run_facts(folders: Mapping[str, Path]) -> Report:
    """Versions, revision, hardware; seed and seconds of each stage."""
    manifests = {name: read_manifest(folder) for name, folder in folders.items()}
    hosts = {name: dict(manifest.hardware) for name, manifest in manifests.items()}
    facts: Report = {
        "versions": package_versions() | _sacrebleu(),
        "git": git_state(),
        "hardware": hosts.get("teacher") or hardware(),
        "seeds": {key: seed for name, m in manifests.items() for key, seed in _seeds(m.config, name)},
        "seconds": {name: round(m.seconds, 1) for name, m in manifests.items()},
        "fingerprints": {name: m.fingerprint for name, m in manifests.items()},
        "files": {path: digest for m in manifests.values() for path, digest in m.files.items()},
        "configs": {name: dict(m.config) for name, m in manifests.items()},
    }
    names = {folder.parent.parent.name for folder in folders.values()}
    return ({"name": names.pop()} if len(names) == 1 else {}) | facts


def _seeds(config: Mapping[str, Any], at: str) -> Iterator[tuple[str, int]]:
    """Every key `seed` of a stage's config, nested ones by their dotted path."""
    for key, value in config.items():
        if key == "seed":
            yield at, value
        elif isinstance(value, Mapping):
            yield from _seeds(value, f"{at}.{key}")


def _sacrebleu() -> dict[str, str]:
    import sacrebleu

    return {"sacrebleu": sacrebleu.__version__}


def _teacher(folder: Path) -> Report:
    facts = _facts(folder)
    report: Report = {"systems": {"teacher": model_size(folder)}}
    if (folder / "routing.json").exists():
        report["routing"] = _json(folder / "routing.json")
    if (folder / "training_log.jsonl").exists():
        report["training"] = facts | _curves(folder / "training_log.jsonl")
    return report


def _data(folder: Path) -> Report:
    facts = _facts(folder)
    if (folder / "cleaning.json").exists():
        facts["cleaning"] = _json(folder / "cleaning.json")
    return facts


def _curves(path: Path) -> Report:
    """Every numeric series of the training log as [[update, value], ...], thinned to what a picture can show."""
    series: dict[str, list[list[float]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        if values.get("kind") == "resume":
            continue
        for key, value in values.items():
            if key != "update" and isinstance(value, int | float) and math.isfinite(value):
                series[key].append([values.get("update", 0), value])
    return {"curves": {key: _thinned(points) for key, points in series.items() if key.count("/") < 2}}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Means over equal stretches, so that no part of the curve is left out."""
    width = -(-len(points) // LOG_POINTS)
    if width < 2:
        return points
    stretches = [points[i : i + width] for i in range(0, len(points), width)]
    return [[stretch[-1][0], sum(value for _, value in stretch) / len(stretch)] for stretch in stretches]


def _detector() -> OffTargetDetector:
    from parley.languages.identification import LanguageIdentifier

    return LanguageIdentifier()


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not readable as Parquet ({error})") from error


def _facts(folder: Path) -> Report:
    return dict(read_manifest(folder).facts)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error
