"""There and back: distinct texts of a round through the model, in shards that can be translated apart."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtranslation.config import GenerationConfig
from backtranslation.round_trip import languages_ok, repetitions, round_trip_chrf
from parley.decoding.protocols import TranslatesMany
from parley.metrics.off_target import OffTargetDetector
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from parley.decoding.search import Sampling
    from training.model.loading import Translator

SHARD_TEXTS: Final = 1024  # with sampling it counts in the result: each shard draws from a seed of its own
BATCH_SIZE: Final = 256  # messages decoded together
TEMPERATURE: Final = 1.0  # of sampling, among the `TOP_K` likeliest pieces
TOP_K: Final = 10

TEXTS: Final = pa.schema(
    [
        ("decoding", pa.string()),  # beam or sampling, the same in all of a shard
        ("original", pa.string()),
        ("original_language", pa.string()),
        ("synthetic_language", pa.string()),
    ]
)
TRANSLATED: Final = pa.schema(
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

    def there(self, decoding: str, shard: int) -> TranslatesMany:
        """Translates a shard by `beam` or `sampling`; every shard draws from a seed of its own."""
        ...

    def back(self) -> TranslatesMany:
        """Translates what came out into its original language."""
        ...


def write_texts(path: Path, selected: pa.Table, seed: int) -> list[int]:
    """Write the distinct translations that a selection needs, in the columns of `TEXTS`, a row group for each shard.

    Args:
        selected: in the columns of `selection.SELECTED`.

    Returns:
        For each selected row the place of its translation in the file.
    """
    keys = list(zip(*(selected[name].to_pylist() for name in TEXTS.names), strict=True))
    distinct = list(dict.fromkeys(keys))
    mixed = [distinct[place] for place in np.random.default_rng(seed).permutation(len(distinct))]
    ordered = sorted(mixed, key=lambda key: key[0])  # beam before sampling, else as mixed: shards of about equal work
    with pq.ParquetWriter(path, TEXTS, compression="zstd") as writer:
        for decoding in dict.fromkeys(key[0] for key in ordered):
            mine = [key for key in ordered if key[0] == decoding]
            for start in range(0, len(mine), SHARD_TEXTS):
                columns = zip(*mine[start : start + SHARD_TEXTS], strict=True)
                writer.write_table(pa.table([list(column) for column in columns], schema=TEXTS))
    place = {key: number for number, key in enumerate(ordered)}
    return [place[key] for key in keys]


def shard_count(path: Path) -> int:
    """Shards of a file of texts."""
    return int(pq.read_metadata(path).num_row_groups)


def translate_shard(path: Path, number: int, translators: Translators, detector: OffTargetDetector) -> pa.Table:
    """The texts of one shard there and back, in the columns of `TRANSLATED`; its metadata has the seconds.

    Raises:
        InputError: a language that the model does not know.
    """
    texts = pq.ParquetFile(path).read_row_group(number)
    originals, languages, codes = (texts[name].to_pylist() for name in TEXTS.names[1:])
    started = time.perf_counter()
    synthetic = translators.there(texts["decoding"][0].as_py(), number).translate_many(originals, languages, codes)
    round_trips = translators.back().translate_many(synthetic, codes, languages)
    seconds = time.perf_counter() - started
    columns: Mapping[str, Any] = {
        "synthetic": synthetic,
        "round_trip": round_trips,
        "round_trip_chrf": round_trip_chrf(round_trips, originals),
        "language_ok": languages_ok(synthetic, codes, languages, detector),
        "repetition": repetitions(synthetic, originals),
    }
    return pa.table(columns, schema=TRANSLATED.with_metadata({"seconds": f"{seconds:.6f}"}))


class ModelTranslators:
    """Both ways with one model."""

    def __init__(self, translator: "Translator", config: GenerationConfig, seed: int) -> None:
        self.translator, self.config, self.seed = translator, config, seed

    def there(self, decoding: str, shard: int) -> TranslatesMany:
        """By beam, or by sampling from a seed of the shard's own."""
        if decoding == "beam":
            return self._with(self.config.beam_size)
        from parley.decoding.search import Sampling

        seed = int(np.random.SeedSequence((self.seed, shard)).generate_state(1)[0])
        return self._with(1, Sampling(TEMPERATURE, TOP_K, 1.0, seed))

    def back(self) -> TranslatesMany:
        """Greedy: what matters is whether the meaning comes back, not the best wording."""
        return self._with(1)

    def _with(self, beam_size: int, sampling: "Sampling | None" = None) -> "Translator":
        from parley.decoding.translator import DecodingConfig
        from training.model.loading import Translator

        longest = self.config.max_tokens
        decoding = DecodingConfig(
            beam_size=beam_size,
            sampling=sampling,
            max_new_tokens=longest,
            max_source_tokens=longest,
            batch_size=BATCH_SIZE,
        )
        return Translator(self.translator.model, self.translator.tokenizer, decoding, self.translator.device)


def check_languages(translator: "Translator", texts: pa.Table) -> None:
    """Name the direction that the model cannot translate. Raises InputError."""
    from parley.decoding.pieces import tag_id

    for codes in dict.fromkeys(zip(*(texts[name].to_pylist() for name in TEXTS.names[2:]), strict=True)):
        for code in codes:
            try:
                tag_id(translator.tokenizer, code)
            except InputError as error:
                raise InputError(f"backtranslation: {'-'.join(codes)}: {error}") from error
