"""The tokenizer stage: corpus -> saved tokenizer and a report on how well it fits each language."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from parley.corpus.store import Corpus, filled
from parley.languages.table import LANGUAGES
from parley.pipeline.atomic import write_json
from parley.pipeline.progress import progress_bar
from parley.pipeline.stage import NO_INPUTS, Needs, Stage
from training.tokenizer import BYTES, TokenizerConfig, load_tokenizer, quotas, train_tokenizer, vocabulary_digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

REPORT: Final = "tokenizer_report.json"
KEPT: Final = ("tokenizer.json", "tokenizer_config.json")
_REPORT_TEXTS: Final = 2_000  # per language; enough for three digits of tokens per character


class TokenizerStage(Stage[TokenizerConfig]):
    """Learns the vocabulary on the train split of input `corpus`, or keeps one; measures it on dev if there is one."""

    name = "tokenizer"
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0)
    version: ClassVar[int] = 4

    def __init__(
        self, config: TokenizerConfig, inputs: Mapping[str, Stage[Any]] = NO_INPUTS, kept: Path | None = None
    ) -> None:
        """As any stage; `kept` is the finished stage whose vocabulary is kept."""
        super().__init__(config, inputs)
        self.kept = kept

    def files(self) -> list[Path]:
        """The vocabulary that is kept, if one is."""
        return [self.kept / name for name in KEPT] if self.kept else []

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write the tokenizer and `tokenizer_report.json`; the facts are the report.

        Raises:
            InputError: the corpus has no text in its train split.
        """
        out.mkdir(parents=True, exist_ok=True)
        with progress_bar("tokenizer", 2) as bar:
            corpus = Corpus.open(inputs["corpus"])
            cells = {code: corpus.cells(code, "train") for code in corpus.languages}
            texts = sampled_texts(corpus, "train", quotas(cells, self.config.sample_rows))
            if self.kept:
                for name in KEPT:
                    shutil.copyfile(self.kept / name, out / name)
                tokenizer = load_tokenizer(out)
            else:
                tokenizer = train_tokenizer(texts, self.config)
                tokenizer.save_pretrained(str(out))
            bar.advance(note="measuring")
            dev = sampled_texts(corpus, "dev", dict.fromkeys(texts, _REPORT_TEXTS))
            report = tokenizer_report(
                tokenizer, {code: dev.get(code, rows[:_REPORT_TEXTS]) for code, rows in texts.items()}
            )
            bar.advance()
        write_json(out / REPORT, report)
        return report


def sampled_texts(corpus: Corpus, split: str, counts: Mapping[str, int]) -> dict[str, list[str]]:
    """So many filled cells of each language in a split, drawn with a fixed seed, in row order."""
    texts = {code: corpus.sample([code], split, count, where=filled(code)) for code, count in counts.items()}
    return {code: table[code].to_pylist() for code, table in texts.items() if table.num_rows}


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
