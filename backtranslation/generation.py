"""There and back: the texts of a round through the model, in shards that are each written when done.

A shard is one Parquet file. Processes share the shards out by number; a killed run goes on with the missing ones.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtranslation.config import GenerationConfig
from backtranslation.round_trip import languages_ok, repetitions, round_trip_chrf
from parley.decoding.protocols import TellsProgress
from parley.metrics.scores import OffTargetDetector
from parley.pipeline.atomic import replacing
from parley.pipeline.errors import InputError
from parley.pipeline.progress import ProgressBar, progress_bar, say

if TYPE_CHECKING:
    from parley.decoding.translator import DecodingConfig
    from training.model.loading import Translator

SHARD: Final = pa.schema(
    [
        ("synthetic", pa.string()),
        ("round_trip", pa.string()),
        ("round_trip_chrf", pa.float32()),
        ("language_ok", pa.bool_()),
        ("repetition", pa.float32()),
    ]
)


class Translators(Protocol):
    """The two ways of a round trip."""

    def there(self, decoding: str, shard: int) -> TellsProgress:
        """Translates a shard by `beam` or `sampling`; every shard draws from a seed of its own."""
        ...

    def back(self) -> TellsProgress:
        """Translates what came out into its original language."""
        ...


@dataclass(frozen=True)
class Shard:
    """Texts that are translated together.

    Attributes:
        texts, languages, synthetic: [N] real text, its language, and the language it is translated into.
        decoding: `beam` or `sampling`.
    """

    number: int
    decoding: str
    texts: list[str]
    languages: list[str]
    synthetic: list[str]

    @property
    def digest(self) -> str:
        """Of everything that it holds: a file of other texts is not taken for it."""
        digest = hashlib.sha256(f"{self.number} {self.decoding}".encode())
        for column in (self.texts, self.languages, self.synthetic):
            digest.update("\n".join(column).encode() + b"\0")
        return digest.hexdigest()

    def path(self, folder: Path) -> Path:
        """Its file."""
        return folder / f"shard-{self.number:05d}.parquet"

    def done(self, folder: Path) -> bool:
        """Whether its file is there, whole and made from these texts."""
        try:
            metadata = pq.read_schema(self.path(folder)).metadata or {}
        except (OSError, pa.ArrowException):
            return False
        return metadata.get(b"digest", b"").decode() == self.digest


def make_shards(selected: pa.Table, size: int, seed: int) -> tuple[list[Shard], list[int]]:
    """The distinct translations that a selection needs, in shards of about equal work.

    Args:
        selected: in the columns of `selection.SELECTED`.

    Returns:
        The shards, and for each selected row the place of its translation in all shards laid end to end.
    """
    keys = list(
        zip(
            *(selected[n].to_pylist() for n in ("decoding", "original", "original_language", "synthetic_language")),
            strict=True,
        )
    )
    distinct = list(dict.fromkeys(keys))
    mixed = [distinct[place] for place in np.random.default_rng(seed).permutation(len(distinct))]
    shards: list[Shard] = []
    place: dict[tuple[str, ...], int] = {}
    for decoding in ("beam", "sampling"):
        mine = [key for key in mixed if key[0] == decoding]
        for start in range(0, len(mine), size):
            part = mine[start : start + size]
            _, texts, languages, synthetic = (list(column) for column in zip(*part, strict=True))
            shards.append(Shard(len(shards), decoding, texts, languages, synthetic))
            place.update(zip(part, range(len(place), len(place) + len(part)), strict=True))
    return shards, [place[key] for key in keys]


def generate(shards: Sequence[Shard], folder: Path, translators: Translators, detector: OffTargetDetector) -> None:
    """Translate those of the shards that have no file yet, there and back, and write each when it is done.

    Raises:
        InputError: a language that the model does not know, a full disk.
    """
    missing = [shard for shard in shards if not shard.done(folder)]
    if len(missing) < len(shards):
        say(f"generation: {len(shards) - len(missing)} of {len(shards)} shards are there; going on with the others")
    with progress_bar("translate there and back", 2 * sum(len(shard.texts) for shard in missing)) as bar:
        meter = _Meter(bar)
        for shard in missing:
            _write(shard, folder, *_there_and_back(shard, translators, meter), detector)


def read_shards(shards: Sequence[Shard], folder: Path) -> tuple[pa.Table, float]:
    """All shards laid end to end, and the seconds that their decoding took, over all processes.

    Raises:
        InputError: a shard is missing.
    """
    tables, seconds = [SHARD.empty_table()], 0.0
    for shard in shards:
        if not shard.done(folder):
            raise InputError(f"{shard.path(folder)}: missing or made from other texts; run again")
        table = pq.read_table(shard.path(folder))
        seconds += float(table.schema.metadata[b"seconds"])
        tables.append(table.replace_schema_metadata(None))
    return pa.concat_tables(tables), seconds


class _Meter:
    """Counts messages on a bar, with their rate; `settle` counts those that needed no decoding."""

    def __init__(self, bar: ProgressBar) -> None:
        self.bar, self.started, self.settled = bar, time.monotonic(), 0

    def __call__(self, messages: int) -> None:
        rate = (self.bar.done + messages) / max(1e-9, time.monotonic() - self.started)
        self.bar.advance(messages, note=f"({rate:,.0f} messages/s)")

    def settle(self, messages: int) -> None:
        self.settled += messages
        self.bar.advance(max(0, self.settled - self.bar.done))


def _there_and_back(shard: Shard, translators: Translators, meter: _Meter) -> tuple[list[str], list[str], float]:
    """Synthetic texts, round trips, and seconds."""
    started = time.perf_counter()
    there, back = translators.there(shard.decoding, shard.number), translators.back()
    synthetic = there.translate_many(shard.texts, shard.languages, shard.synthetic, meter)
    meter.settle(len(shard.texts))
    round_trips = back.translate_many(synthetic, shard.synthetic, shard.languages, meter)
    meter.settle(len(shard.texts))
    return synthetic, round_trips, time.perf_counter() - started


def _write(
    shard: Shard,
    folder: Path,
    synthetic: list[str],
    round_trips: list[str],
    seconds: float,
    detector: OffTargetDetector,
) -> None:
    columns: Mapping[str, Any] = {
        "synthetic": synthetic,
        "round_trip": round_trips,
        "round_trip_chrf": round_trip_chrf(round_trips, shard.texts),
        "language_ok": languages_ok(synthetic, shard.synthetic, shard.languages, detector),
        "repetition": repetitions(synthetic, shard.texts),
    }
    table = pa.table(columns, schema=SHARD.with_metadata({"digest": shard.digest, "seconds": f"{seconds:.6f}"}))
    with replacing(shard.path(folder)) as temporary:
        pq.write_table(table, temporary, compression="zstd")


class ModelTranslators:
    """Both ways with one model."""

    def __init__(self, translator: "Translator", config: GenerationConfig, seed: int) -> None:
        self.translator, self.config, self.seed = translator, config, seed

    def there(self, decoding: str, shard: int) -> TellsProgress:
        """By beam, or by sampling from a seed of the shard's own."""
        if decoding == "beam":
            return self._with(self._decoding(beam_size=self.config.beam_size))
        from parley.decoding.search import Sampling

        config = self.config
        seed = int(np.random.SeedSequence((self.seed, shard)).generate_state(1)[0])
        return self._with(self._decoding(sampling=Sampling(config.temperature, config.top_k, config.top_p, seed)))

    def back(self) -> TellsProgress:
        """Greedy, or by beam."""
        return self._with(self._decoding(beam_size=self.config.round_trip_beam_size))

    def _decoding(self, **changes: Any) -> "DecodingConfig":
        from parley.decoding.translator import DecodingConfig

        return DecodingConfig(
            max_new_tokens=self.config.max_new_tokens,
            max_source_tokens=self.config.max_source_tokens,
            batch_size=self.config.batch_size,
            **changes,
        )

    def _with(self, decoding: "DecodingConfig") -> "Translator":
        from training.model.loading import Translator

        return Translator(self.translator.model, self.translator.tokenizer, decoding, self.translator.device)
