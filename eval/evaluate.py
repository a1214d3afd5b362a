"""Translate and score: what the evaluation stage and `scripts/evaluate.py` have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from eval.config import EvaluationConfig
from eval.latency import measure_latency
from eval.scoring.message_scores import score_messages
from eval.scoring.scoring import Scores, score_detection, score_outputs, score_slice
from eval.scoring.slices import copy_accuracy, score_natural
from eval.testsets.conditions import AUTO_SOURCE, NOISY, WRONG_SOURCE
from eval.testsets.outputs import Outputs, translate_directions, write_table
from eval.testsets.testset import TestSet
from parley.decoding.protocols import TranslatesMany
from parley.languages.table import pair
from parley.metrics.scores import OffTargetDetector
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError


@runtime_checkable
class DetectsLanguage(Protocol):
    """A system that also names the source language of a text."""

    def detect(self, texts: Sequence[str]) -> list[str]:
        """Language codes of [N] texts."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """Outputs, a line of scores for each, outputs under harder conditions (samples, by name), and the summary."""

    outputs: pa.Table
    messages: pa.Table
    conditions: dict[str, pa.Table]
    scores: dict[str, Any]

    def save(self, out: Path) -> None:
        """Write outputs and their scores as Parquet, and scores.json. Raises InputError when the disk is full."""
        write_table(out / "outputs.parquet", self.outputs)
        write_table(out / "message_scores.parquet", self.messages)
        for name, table in self.conditions.items():
            write_table(out / f"outputs_{name}.parquet", table)
        write_json(out / "scores.json", self.scores)


def evaluate(
    translator: TranslatesMany,
    system: str,
    testset: TestSet,
    config: EvaluationConfig,
    detector: OffTargetDetector,
    parts: Path | None = None,
    alone: Callable[[], TranslatesMany] | None = None,
) -> Evaluation:
    """Translate a test set, score it, and measure what harder conditions cost.

    Args:
        system: name of the translator in the report.
        detector: tells outputs in a wrong language.
        parts: folder for finished groups of directions, from which a killed run goes on; None keeps nothing.
        alone: opens the system with one thread, where it keeps threads of its own: for the time of one message.

    Raises:
        InputError: a direction that was asked for has no messages.
    """
    chosen = testset.directions(config.pairs)
    rows = {direction: testset.rows(direction, config.max_messages, config.seed) for direction in chosen}
    clean = translate_directions(translator, system, testset, rows, parts / "clean" if parts else None)
    harder = _conditions(translator, system, testset, config, rows, parts)
    messages = score_messages(clean.table, detector)
    scores = score_outputs(clean.table, detector, config.bootstrap_samples, config.seed, messages)
    single = alone() if alone and config.latency_messages else translator
    latency = measure_latency(single, clean.table, config.latency_messages, config.seed)
    scores["speed"] = {system: _speed(clean, config) | latency}
    samples = config.bootstrap_samples, config.seed
    slices = {name: score_slice(table, clean.table, *samples) for name, table in harder.items() if len(table)}
    slices |= score_natural(clean.table, messages, *samples)
    scores |= {"slices": slices} if slices else {}
    scores |= {"copy_accuracy": copied} if (copied := copy_accuracy(clean.table)) else {}
    detection = _detection(translator, testset, rows)
    if detection:
        scores["source_detection"] = {"system": system} | detection
    return Evaluation(clean.table, messages, harder, scores)


def _conditions(
    translator: TranslatesMany,
    system: str,
    testset: TestSet,
    config: EvaluationConfig,
    rows: Mapping[str, Sequence[int]],
    parts: Path | None,
) -> dict[str, pa.Table]:
    """A sample of each direction's messages under each condition; other messages in each, for a narrow interval."""
    wanted = {AUTO_SOURCE: config.auto_source_messages, NOISY: config.disturbed_messages}
    if len(testset.languages) > 2:
        wanted[WRONG_SOURCE] = config.disturbed_messages
    found = {}
    for condition, limit in wanted.items():
        if limit:
            some = {d: testset.sample(chosen, limit, f"{config.seed}:{d}") for d, chosen in rows.items()}
            folder = parts / condition.name if parts else None
            outputs = translate_directions(translator, system, testset, some, folder, condition)
            found[condition.name] = outputs.table
    return found


def _detection(translator: TranslatesMany, testset: TestSet, rows: Mapping[str, Sequence[int]]) -> Scores:
    """Each source message once, however many directions it is in; nothing for a system that cannot detect."""
    unique = {(pair(direction)[0], row) for direction, chosen in rows.items() for row in chosen}
    cells = sorted((code, testset.texts[code][row] or "") for code, row in unique)
    texts = [text for _, text in cells]
    if not isinstance(translator, DetectsLanguage):
        return {}
    try:
        detected = translator.detect(texts)
    except InputError:  # a translator whose model has no detector says so when asked
        return {}
    return score_detection(texts, [code for code, _ in cells], detected)


def _speed(outputs: Outputs, config: EvaluationConfig) -> Scores:
    """Wall clock of decoding alone; finished parts of a killed run count with the time they took then."""
    messages, seconds = len(outputs.table), outputs.seconds
    rate = messages / seconds if seconds else 0.0
    return {"messages": messages, "seconds": seconds, "messages_per_second": rate, "beam_size": config.beam_size}
