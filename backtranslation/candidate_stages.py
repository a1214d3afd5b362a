"""The stages of a round's data: `selected` (which texts), `generated` (there and back), `synthetic` (what is kept).

Filters are not in the fingerprint of `generated`: another threshold decodes nothing again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from backtranslation.candidates import GENERATED_SCHEMA, NAME, ORIGIN, read_table, write_candidates
from backtranslation.config import BacktranslationConfig, FilterConfig, GenerationConfig, SelectionConfig
from backtranslation.filter_facts import filter_facts, reasons, value_counts
from backtranslation.round_folder import stopped
from parley.pipeline.errors import InputError
from parley.pipeline.manifest import read_manifest
from parley.pipeline.progress import say
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage

if TYPE_CHECKING:
    from backtranslation.filtering import ScoresQuality

SELECTED_NAME: Final = "selected.parquet"
TEXTS_NAME: Final = "texts.parquet"  # distinct translations, a row group for each shard
PLACE: Final = "place"  # column of the selection: where its translation stands among these
GENERATED_NAME: Final = "generated.parquet"
TRANSLATED_NAME: Final = "translated.parquet"  # of a shard


@dataclass(frozen=True)
class QualityInput:
    """A quality estimation model for the filter.

    Attributes:
        stage: the stage that trains it.
        load: makes a scorer from that stage's finished folder; a function that pickles.
    """

    stage: Stage[Any]
    load: "Callable[[Path], ScoresQuality]"


def synthetic_stage(
    config: BacktranslationConfig,
    round_number: int,
    corpus: Stage[Any],
    model: Stage[Any],
    qe: QualityInput | None = None,
) -> "SyntheticStage":
    """The stages of one round's candidates: `synthetic_<k>` reads `generated_<k>`, and that `selected_<k>`.

    Args:
        round_number: from 1.
        model: a stage whose folder `training.model.loading.Translator.load` takes.
    """
    selected = SelectedStage(config.selection(round_number), {"corpus": corpus})
    generated = GeneratedStage(GeneratedConfig(config.generation, config.seed), selected, model)
    return SyntheticStage(AcceptanceConfig(config.filter, config.seed), generated, qe)


class SelectedStage(Stage[SelectionConfig]):
    """Chooses the texts of a round from input `corpus` and text files. Its folder: selected.parquet, texts.parquet."""

    name = "selected"

    def __init__(self, config: SelectionConfig, inputs: Mapping[str, Stage[Any]]) -> None:
        """Named after its round."""
        super().__init__(config, inputs, f"{type(self).name}_{config.round}")

    def files(self) -> list[Path]:
        """The files of monolingual text."""
        return [Path(file.path) for file in self.config.files]

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Select.

        Raises:
            InputError: a direction without text, a file that cannot be read, a language that the corpus lacks.
        """
        from backtranslation.generation import write_texts
        from backtranslation.selection import select
        from parley.corpus.store import Corpus

        out.mkdir(parents=True, exist_ok=True)
        selected = select(Corpus.open(inputs["corpus"]), self.config)
        places = write_texts(out / TEXTS_NAME, selected, self.config.seed)
        write_candidates(out / SELECTED_NAME, selected.append_column(PLACE, pa.array(places, pa.int64())))
        return {"selected": selected.num_rows, "decoding": value_counts(selected["decoding"])}


@dataclass(frozen=True)
class GeneratedConfig:
    """How texts are decoded, and the seed of sampling."""

    generation: GenerationConfig
    seed: int


class GeneratedStage(Stage[GeneratedConfig]):
    """Translates the texts of input `selected` with input `model` and back, shard by shard.

    Its folder: generated.parquet; none when `model` is a round that was not adopted, after which there is nothing to
    generate.
    """

    name = "generated"
    needs = Needs(memory_gb=4.0, accelerators=1)

    def __init__(self, config: GeneratedConfig, selected: SelectedStage, model: Stage[Any]) -> None:
        """Named after the round of `selected`."""
        self.round = selected.config.round
        super().__init__(config, {"selected": selected, "model": model}, f"{type(self).name}_{self.round}")

    def shards(self, inputs: Mapping[str, Path]) -> Sequence[Shard]:
        """One for each row group of the texts."""
        from backtranslation.generation import shard_count

        if stopped(inputs["model"]):
            return []
        count = shard_count(inputs["selected"] / TEXTS_NAME)
        return [Shard(f"{number:05d}", {"number": number}) for number in range(count)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Translate there and back, and score.

        Raises:
            InputError: a language that the model does not know.
        """
        from backtranslation.generation import ModelTranslators, check_languages, translate_shard
        from parley.languages.identification import LanguageIdentifier
        from training.model.loading import shared_translator

        path, translator = inputs["selected"] / TEXTS_NAME, shared_translator(inputs["model"])
        check_languages(translator, pq.ParquetFile(path).read_row_group(shard.task["number"]))
        both = ModelTranslators(translator, self.config.generation, self.config.seed)
        table = translate_shard(path, shard.task["number"], both, LanguageIdentifier())
        pq.write_table(table, out / TRANSLATED_NAME, compression="zstd")

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Lay the shards end to end, and each translation beside what was selected."""
        folders = shard_folders(out)
        if not folders:
            return {"skipped": True}
        tables = [pq.read_table(folder / TRANSLATED_NAME) for folder in folders]
        seconds = sum(float(table.schema.metadata[b"seconds"]) for table in tables)
        translated = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
        selected = pq.read_table(inputs["selected"] / SELECTED_NAME)
        decoded = translated.take(selected[PLACE].combine_chunks())
        write_candidates(out / GENERATED_NAME, _generated(selected.drop_columns([PLACE]), decoded, self.round))
        return _decoding_facts(2 * translated.num_rows, seconds)


@dataclass(frozen=True)
class AcceptanceConfig:
    """Which candidates are accepted, and the seed of random acceptance."""

    filter: FilterConfig
    seed: int


class SyntheticStage(Stage[AcceptanceConfig]):
    """Decides which candidates of input `generated` are accepted. Its folder: candidates.parquet.

    Read it with `candidates.read_candidates`.
    """

    name = "synthetic"

    def __init__(self, config: AcceptanceConfig, generated: GeneratedStage, qe: QualityInput | None = None) -> None:
        """Named after the round of `generated`."""
        self.round = generated.round
        inputs = {"generated": generated} | ({"qe": qe.stage} if qe else {})
        super().__init__(config, inputs, f"{type(self).name}_{self.round}")
        self.load_qe = qe.load if qe else None

    def check(self) -> None:
        """Hold the threshold against what is there.

        Raises:
            InputError: it needs quality estimation and there is no model.
        """
        if self.config.filter.min_qe is not None and self.load_qe is None:
            raise InputError("backtranslation.filter.min_qe needs a quality estimation model: choose qe=...")

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Score, decide, and write every candidate with its scores and the reason of its decision.

        Raises:
            InputError: nothing is accepted; says which checks it failed.
        """
        from backtranslation.filtering import decide

        out.mkdir(parents=True, exist_ok=True)
        decoding = read_manifest(inputs["generated"]).facts
        if decoding.get("skipped"):
            return {"round": self.round, "skipped": True}
        qe = self.load_qe(inputs["qe"]) if self.load_qe else None
        table = decide(read_table(inputs["generated"] / GENERATED_NAME), self.config.filter, self.config.seed, qe)
        facts = filter_facts(table)
        self._check_accepted(facts)
        write_candidates(out / NAME, table)
        return {"round": self.round, "accept": self.config.filter.accept, **facts, **decoding}

    def _check_accepted(self, facts: Mapping[str, Any]) -> None:
        """Say how much passed; nothing at all is an error."""
        total, accepted = facts["candidates"], facts["accepted"]
        if not accepted:
            raise InputError(
                f"back-translation round {self.round}: nothing accepted of {total} candidates ({reasons(facts)}); "
                f"loosen backtranslation.filter; what was translated is kept"
            )
        say(f"back-translation round {self.round}: {accepted} of {total} candidates accepted ({reasons(facts)})")
        for direction, found in facts["directions"].items():
            if not found["accepted"]:
                say(f"back-translation {direction}: nothing accepted of {found['candidates']} candidates")


def _generated(selected: pa.Table, decoded: pa.Table, round_number: int) -> pa.Table:
    """Selection and what came out of it, in the columns of `candidates.GENERATED`."""
    forward = np.array(selected["use"].to_pylist()) == "forward"
    synthetic, partner = decoded["synthetic"], selected["partner"]
    columns = {name: selected[name] for name in selected.column_names if name != "partner"}
    columns |= {name: decoded[name] for name in decoded.column_names if name != "synthetic"}
    columns |= {
        "row_id": [f"bt{round_number}:{number:08d}" for number in range(selected.num_rows)],
        "origin": [ORIGIN] * selected.num_rows,
        "round": [round_number] * selected.num_rows,
        "source_text": pc.if_else(pa.array(forward), partner, synthetic),
        "target_text": pc.if_else(pa.array(forward), synthetic, partner),
    }
    return pa.table({name: columns[name] for name in GENERATED_SCHEMA.names}, schema=GENERATED_SCHEMA)


def _decoding_facts(messages: int, seconds: float) -> dict[str, Any]:
    return {
        "translated": messages,
        "seconds": round(seconds, 3),
        "sentences_per_second": round(messages / max(seconds, 1e-9), 3),
    }
