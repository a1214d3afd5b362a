"""From the translations of one system to its scores.json."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from eval.config import EvaluationConfig
from eval.evaluation.shards import SHORT_MESSAGES, Translated, perturbed_file
from eval.safety.scoring import score_safety
from eval.scoring.detection_scores import score_detection
from eval.scoring.direction_scores import score_outputs, score_slice
from eval.scoring.natural_slices import copy_accuracy, score_natural
from eval.stored_outputs import OUTPUTS, SCORES
from eval.testsets.outputs import write_table
from eval.testsets.perturbations import COPIED

Json = dict[str, Any]


def summarise(found: Translated, config: EvaluationConfig, samples: int) -> Json:
    """Scores by direction and their means, slices, copied pieces, detection of the source language.

    Args:
        samples: bootstrap samples behind every interval.
    """
    outputs, messages, metric = found.stored.outputs, found.stored.messages, config.metrics[0]
    scores = score_outputs(outputs, None, samples, config.seed, messages, config.metrics)
    slices = {
        name: score_slice(table, outputs, metric, samples, config.seed)
        for name, table in found.perturbed.items()
        if len(table)
    }
    slices |= score_natural(outputs, messages, metric, samples, config.seed)
    detected = list(zip(*found.detected, strict=True))
    system = outputs["system"][0].as_py()
    told: Json = {
        "slices": slices,
        "copy_accuracy": copy_accuracy(pa.concat_tables([outputs, found.perturbed.get(COPIED.name, outputs[:0])])),
        "safety": {system: score_safety(found.short)} if found.short is not None else {},
        "source_detection": {"system": system} | score_detection(*detected) if detected else {},
    }
    return scores | {key: value for key, value in told.items() if value}


def decoding_speed(found: Translated, beam_size: int) -> Json:
    """Wall clock of decoding alone; finished shards of a killed run count with the time they took then."""
    messages, seconds = len(found.stored.outputs), found.seconds
    rate = messages / seconds if seconds else 0.0
    return {"messages": messages, "seconds": seconds, "messages_per_second": rate, "beam_size": beam_size}


def save_tables(found: Translated, out: Path) -> None:
    """Write outputs and their scores as Parquet. Raises InputError when the disk is full."""
    write_table(out / OUTPUTS, found.stored.outputs)
    write_table(out / SCORES, found.stored.messages)
    if found.short is not None:
        write_table(out / SHORT_MESSAGES, found.short)
    for name, table in found.perturbed.items():
        write_table(out / perturbed_file(name), table)
