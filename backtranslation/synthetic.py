"""The two stages of a round's data: `generated` (texts there and back, dear) and `synthetic` (what is kept, cheap).

Filters are not in the fingerprint of `generated`: another threshold decodes nothing again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backtranslation.candidates import (
    ACCEPTED,
    GENERATED_SCHEMA,
    NAME,
    ORIGIN,
    counts_by_direction,
    read_table,
    write_candidates,
)
from backtranslation.config import BacktranslationConfig, FilterConfig, GeneratedConfig
from backtranslation.handover import stopped
from parley.pipeline.atomic import remove
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.pipeline.stage import Stage

if TYPE_CHECKING:
    import torch

    from backtranslation.filtering import QualityScorer
    from training.model.loading import Translator

GENERATED_NAME: Final = "generated.parquet"
HISTOGRAM: Final = 10  # bins of 10 chrF


@dataclass(frozen=True)
class QualityInput:
    """A quality estimation model for the filter.

    Attributes:
        stage: the stage that trains it.
        load: makes a scorer from that stage's finished folder; a function that pickles.
    """

    stage: Stage[Any]
    load: "Callable[[Path], QualityScorer]"


def synthetic_stage(
    config: BacktranslationConfig,
    round_number: int,
    corpus: Stage[Any],
    model: Stage[Any],
    qe: QualityInput | None = None,
) -> "SyntheticStage":
    """The stages of one round's candidates: `synthetic_<k>`, which reads `generated_<k>`.

    Args:
        round_number: from 1.
        model: a stage whose folder `parley.decoding.translator.Translator.load` takes.
    """
    generated = GeneratedStage(config.generated(round_number), {"corpus": corpus, "model": model})
    return SyntheticStage(config.filter, generated, qe)


class GeneratedStage(Stage[GeneratedConfig]):
    """Translates the texts of a round with input `model` and back; texts from input `corpus` and text files.

    A killed run, or one that failed, goes on with the shards that are missing. Its folder: generated.parquet; none when
    `model` is a round that was not adopted, after which there is nothing to generate.
    """

    name = "generated"
    keeps_work: ClassVar[bool] = True
    distributed: ClassVar[bool] = True

    def __init__(self, config: GeneratedConfig, inputs: Mapping[str, Stage[Any]]) -> None:
        """Named after its round."""
        super().__init__(config, inputs, f"{type(self).name}_{config.round}")

    def files(self) -> list[Path]:
        """The files of monolingual text."""
        from backtranslation.text_files import text_paths

        return text_paths(self.config.monolingual)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Select, translate there and back, score; every process of a launch takes its share of the shards.

        Raises:
            InputError: a direction without text, a language that corpus or model lacks, a full disk.
        """
        if stopped(inputs["model"]):
            return {"skipped": True}

        import torch

        from backtranslation.generation import ModelTranslators, generate, make_shards, read_shards
        from backtranslation.selection import select
        from parley.corpus.store import Corpus
        from parley.languages.identification import LanguageIdentifier
        from training.loop.config import TrainingConfig
        from training.loop.processes import Processes

        config, generation = self.config, self.config.generation
        if generation.threads:
            torch.set_num_threads(generation.threads)
        selected = select(Corpus.open(inputs["corpus"]), config)
        shards, places = make_shards(selected, generation.shard_size, config.seed)
        wanted = TrainingConfig(max_updates=1, device=generation.device, processes=generation.processes)
        processes = Processes(wanted)  # of training, it takes device and count alone
        mine, folder = shards[processes.rank :: processes.count], out / "shards"
        if not all(shard.done(folder) for shard in mine):
            translator = _load(inputs["model"], processes.device, generation.precision)
            _check_languages(translator, selected)
            generate(mine, folder, ModelTranslators(translator, generation, config.seed), LanguageIdentifier())
        processes.wait()
        if not processes.is_first:
            return {}
        decoded, seconds = read_shards(shards, folder)
        write_candidates(out / GENERATED_NAME, _generated(selected, decoded.take(places), config.round))
        remove(folder)
        return _decoding_facts(selected, decoded, seconds)


class SyntheticStage(Stage[FilterConfig]):
    """Decides which candidates of input `generated` are accepted. Its folder: candidates.parquet.

    Read it with `candidates.read_candidates`.
    """

    name = "synthetic"

    def __init__(self, config: FilterConfig, generated: GeneratedStage, qe: QualityInput | None = None) -> None:
        """Named after the round of `generated`."""
        self.round = generated.config.round
        inputs = {"generated": generated} | ({"qe": qe.stage} if qe else {})
        super().__init__(config, inputs, f"{type(self).name}_{self.round}")
        self.load_qe = qe.load if qe else None

    def check(self) -> None:
        """Hold the thresholds against what is there.

        Raises:
            InputError: one needs quality estimation and there is no model.
        """
        if self.config.wants_qe and self.load_qe is None:
            raise InputError("backtranslation.filter: min_qe and qe_drop_quantile need a quality estimation model")

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Score, decide, and write every candidate with its scores and the reason of its decision.

        Raises:
            InputError: nothing is accepted; says which checks it failed.
        """
        from backtranslation.filtering import decide
        from parley.pipeline.manifest import read_manifest

        out.mkdir(parents=True, exist_ok=True)
        decoding = read_manifest(inputs["generated"]).facts
        if decoding.get("skipped"):
            return {"round": self.round, "skipped": True}
        qe = self.load_qe(inputs["qe"]) if self.load_qe else None
        table, limits = decide(read_table(inputs["generated"] / GENERATED_NAME), self.config, qe)
        facts = filter_facts(table, limits)
        self._check_accepted(facts)
        write_candidates(out / NAME, table)
        return {"round": self.round, "accept": self.config.accept, **facts, **decoding}

    def _check_accepted(self, facts: Mapping[str, Any]) -> None:
        """Say how much passed; nothing at all is an error."""
        total, accepted = facts["candidates"], facts["accepted"]
        if not accepted:
            raise InputError(
                f"back-translation round {self.round}: nothing accepted of {total} candidates ({_reasons(facts)}); "
                f"loosen backtranslation.filter; what was translated is kept"
            )
        say(f"back-translation round {self.round}: {accepted} of {total} candidates accepted ({_reasons(facts)})")
        for direction, found in facts["directions"].items():
            if not found["accepted"]:
                say(f"back-translation {direction}: nothing accepted of {found['candidates']} candidates")


def filter_facts(table: pa.Table, limits: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Counts of the whole table and of each direction, with histograms of the round trip's chrF in bins of 10."""
    directions = {}
    for direction, counts in counts_by_direction(table).items():
        rows = table.filter(pc.equal(table["direction"], direction))
        chrf = rows["round_trip_chrf"].to_numpy()
        histogram, _ = np.histogram(chrf, bins=HISTOGRAM, range=(0, 100))
        directions[direction] = {
            **counts,
            "share": counts["accepted"] / counts["candidates"],
            "mean_chrf": float(chrf.mean()),
            "histogram": histogram.tolist(),
            "verdicts": _value_counts(rows["verdict"]),
            "uses": _value_counts(rows["use"]),
            "thresholds": {key: value for key, value in limits[direction].items() if np.isfinite(value)},
        }
    accepted = sum(found["accepted"] for found in directions.values())
    return {
        "candidates": table.num_rows,
        "accepted": accepted,
        "share": accepted / max(1, table.num_rows),
        "verdicts": _value_counts(table["verdict"]),
        "directions": directions,
    }


def _value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    counted = {each["values"]: each["counts"] for each in column.value_counts().to_pylist()}
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _reasons(facts: Mapping[str, Any]) -> str:
    failed = {name: count for name, count in facts["verdicts"].items() if name != ACCEPTED}
    return (
        "rejected by " + ", ".join(f"{name}: {count}" for name, count in failed.items())
        if failed
        else "no check failed"
    )


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


def _decoding_facts(selected: pa.Table, decoded: pa.Table, seconds: float) -> dict[str, Any]:
    messages = 2 * decoded.num_rows
    return {
        "translated": messages,
        "decoding": _value_counts(selected["decoding"]),
        "seconds": round(seconds, 3),
        "sentences_per_second": round(messages / max(seconds, 1e-9), 3),
    }


def _load(folder: Path, device: "torch.device", precision: str) -> "Translator":
    import torch
    from transformers.utils import logging

    from training.model.loading import Translator

    logging.disable_progress_bar()  # of loading weights: not worth a line
    translator = Translator.load(folder, device=device)
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if precision == "bf16" or (precision == "auto" and able):
        translator.model.to(torch.bfloat16)  # type: ignore[arg-type]  # its decorator hides `self`
    return translator


def _check_languages(translator: "Translator", selected: pa.Table) -> None:
    """Name the direction that the model cannot translate. Raises InputError."""
    from parley.decoding.translator import tag_id

    columns = [selected[name].to_pylist() for name in ("direction", "original_language", "synthetic_language")]
    for direction, *codes in dict.fromkeys(zip(*columns, strict=True)):
        for code in codes:
            try:
                tag_id(translator.tokenizer, code)
            except InputError as error:
                raise InputError(f"backtranslation: {direction}: {error}") from error
