"""A shard of an evaluation: the messages of one source language, translated into all targets and scored one by one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from eval.config import EvaluationConfig
from eval.safety.inputs import into_some, short_messages
from eval.scoring.message_scores import score_messages
from eval.stored_outputs import OUTPUTS, SCORES, StoredOutputs
from eval.testsets.outputs import translate_directions, write_table
from eval.testsets.perturbations import PERTURBATIONS, Perturbation
from eval.testsets.testset import TestSet
from parley.decoding.protocols import Detection, TranslatesMany
from parley.languages.table import pair
from parley.metrics.off_target import OffTargetDetector
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError

FACTS: Final = "shard.json"
SHORT_MESSAGES: Final = "outputs_short_messages.parquet"
Rows = Mapping[str, Sequence[int]]


@runtime_checkable
class DetectsLanguage(Protocol):
    """A system that also names the source language of a text."""

    def detect(self, texts: Sequence[str]) -> list[Detection]:
        """Languages of [N] texts."""
        ...


@dataclass(frozen=True)
class Translated:
    """What the shards of one system hold together.

    Attributes:
        stored: outputs and their scores.
        perturbed: outputs under each perturbation that was tried, by its name.
        short: outputs for the short messages of `eval.safety`; None where they were not tried.
        seconds: of decoding.
        detected: (text, its language, the language that the system named).
    """

    stored: StoredOutputs
    perturbed: dict[str, pa.Table]
    short: pa.Table | None
    seconds: float
    detected: list[tuple[str, str, str]]


def translate_shard(
    translator: TranslatesMany,
    system: str,
    testset: TestSet,
    rows: Rows,
    config: EvaluationConfig,
    tried: Sequence[Perturbation],
    detector: OffTargetDetector,
    out: Path,
) -> None:
    """Translate the messages out of one language, as they are and perturbed, and score them; write all into `out`.

    Args:
        rows: messages by direction, all of one source language.
        tried: perturbations; each gets a sample of the messages, another one in each direction.
        detector: tells outputs in a wrong language.
    """
    plain = translate_directions(translator, system, testset, rows)
    for perturbation in tried if config.perturbed_messages else ():
        some = {d: testset.sample(mine, config.perturbed_messages, f"{config.seed}:{d}") for d, mine in rows.items()}
        table = translate_directions(translator, system, testset, some, perturbation).table
        write_table(out / perturbed_file(perturbation.name), table)
    if tried and config.perturbed_messages:
        messages = short_messages(testset.languages)
        table = translate_directions(translator, system, messages, into_some(messages, rows)).table
        write_table(out / SHORT_MESSAGES, table)
    write_table(out / OUTPUTS, plain.table)
    write_table(out / SCORES, score_messages(plain.table, detector, config.metrics))
    write_json(out / FACTS, {"seconds": plain.seconds, "detected": _detected(translator, testset, rows)})


def read_shards(folders: Sequence[Path]) -> Translated:
    """Put the shards of one system together, in the order given."""
    facts: list[dict[str, Any]] = [json.loads((folder / FACTS).read_text(encoding="utf-8")) for folder in folders]
    outputs, scores = (pa.concat_tables(_tables(folders, name)) for name in (OUTPUTS, SCORES))
    found = {name: _tables(folders, perturbed_file(name)) for name in PERTURBATIONS}
    perturbed = {name: pa.concat_tables(tables) for name, tables in found.items() if tables}
    detected = [tuple(one) for fact in facts for one in fact["detected"]]
    short = _tables(folders, SHORT_MESSAGES)
    return Translated(
        StoredOutputs(outputs, scores),
        perturbed,
        pa.concat_tables(short) if short else None,
        sum(fact["seconds"] for fact in facts),
        detected,
    )


def perturbed_file(name: str) -> str:
    """File of the outputs under a perturbation."""
    return f"outputs_{name}.parquet"


def _tables(folders: Sequence[Path], name: str) -> list[pa.Table]:
    return [pq.read_table(folder / name) for folder in folders if (folder / name).is_file()]


def _detected(translator: TranslatesMany, testset: TestSet, rows: Rows) -> list[tuple[str, str, str]]:
    """Each source message once, however many directions it is in; nothing for a system that cannot detect."""
    unique = {(pair(direction)[0], row) for direction, chosen in rows.items() for row in chosen}
    cells = sorted((code, testset.texts[code][row] or "") for code, row in unique)
    if not isinstance(translator, DetectsLanguage):
        return []
    try:
        found = translator.detect([text for _, text in cells])
    except InputError:  # a translator whose model has no detector says so when asked
        return []
    return [(text, code, named.code) for (code, text), named in zip(cells, found, strict=True)]
