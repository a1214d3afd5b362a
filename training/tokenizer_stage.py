"""The tokenizer stage: corpus -> saved tokenizer and a report on how well it fits each language."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.atomic import write_json
from pipeline.errors import InputError
from pipeline.progress import progress_bar
from pipeline.stage import Stage
from training.languages import CODES, LANGUAGES
from training.tokenizer import BYTES, TokenizerConfig, train_tokenizer, vocabulary_digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

REPORT: Final = "tokenizer_report.json"
_REPORT_TEXTS: Final = 2_000  # per language; enough for three digits of tokens per character


class TokenizerStage(Stage[TokenizerConfig]):
    """Learns the vocabulary on the train split of input `corpus`; measures it on the dev split where there is one."""

    name = "tokenizer"

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write the tokenizer and `tokenizer_report.json`; the facts are the report.

        Raises:
            InputError: the corpus has no text in its train split.
        """
        out.mkdir(parents=True, exist_ok=True)
        with progress_bar("tokenizer", 2) as bar:
            tokenizer = train_tokenizer(column_texts(inputs["corpus"], "train"), self.config)
            tokenizer.save_pretrained(str(out))
            bar.advance(note="measuring")
            report = tokenizer_report(tokenizer, _report_texts(inputs["corpus"]))
            bar.advance()
        write_json(out / REPORT, report)
        return report


def corpus_shards(corpus: Path) -> list[Path]:
    """The corpus's Parquet shards in order.

    Raises:
        InputError: none there.
    """
    shards = sorted(corpus.glob("shard-*.parquet"))
    if not shards:
        raise InputError(f"{corpus}: no corpus shards (shard-*.parquet) there")
    return shards


def column_texts(corpus: Path, split: str) -> dict[str, pa.ChunkedArray]:
    """Filled cells of each language in a split, in row order."""
    chunks: dict[str, list[pa.Array]] = {}
    for shard in corpus_shards(corpus):
        names = pq.read_schema(shard).names
        table = pq.read_table(shard, columns=["split", *(code for code in CODES if code in names)])
        table = table.filter(pc.equal(table["split"], split)).drop_columns(["split"])
        for code in table.column_names:
            chunks.setdefault(code, []).extend(table[code].drop_null().chunks)
    return {code: pa.chunked_array(chunks[code], pa.string()) for code in CODES if code in chunks}


def _report_texts(corpus: Path) -> dict[str, list[str]]:
    """Up to 2,000 dev texts of each language, train texts for one that has no dev text."""
    dev, train = column_texts(corpus, "dev"), column_texts(corpus, "train")
    chosen = {code: dev[code] if len(dev[code]) else train[code] for code in train}
    return {code: rows.slice(0, _REPORT_TEXTS).to_pylist() for code, rows in chosen.items() if len(rows)}


def tokenizer_report(tokenizer: "PreTrainedTokenizerFast", texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """How the vocabulary fits each language.

    Returns:
        `vocab_size`, `digest`, means over the languages, and per language `tokens_per_character`, `tokens_per_word`
        (null where words have no spaces between them), `byte_share` (share of tokens that are bytes), `texts`.
    """
    languages = {code: _fit(tokenizer, rows, LANGUAGES[code].spaced) for code, rows in texts.items() if rows}
    mean = {
        key: float(np.mean([fit[key] for fit in languages.values()])) for key in ("tokens_per_character", "byte_share")
    }
    return {
        "vocab_size": len(tokenizer),
        "digest": vocabulary_digest(tokenizer),
        "mean": {key: round(value, 4) for key, value in mean.items()},
        "languages": languages,
    }


def _fit(tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str], spaced: bool) -> dict[str, Any]:
    byte_ids = np.array(tokenizer.convert_tokens_to_ids(list(BYTES)))
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    ids = np.concatenate([np.asarray(entry.ids, dtype=np.int64) for entry in encoded])
    words = sum(len(text.split()) for text in texts)
    return {
        "texts": len(texts),
        "tokens_per_character": round(len(ids) / max(1, sum(map(len, texts))), 4),
        "tokens_per_word": round(len(ids) / max(1, words), 4) if spaced else None,
        "byte_share": round(float(np.isin(ids, byte_ids).mean()) if len(ids) else 0.0, 5),
    }
