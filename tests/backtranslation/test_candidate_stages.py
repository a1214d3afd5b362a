"""The stages of a round's candidates in a run: a random teacher decodes, filters change nothing upstream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from backtranslation import generation, selection
from backtranslation.candidate_stages import GeneratedStage, QualityInput, SyntheticStage, synthetic_stage
from backtranslation.candidates import SCHEMA, read_candidates
from backtranslation.config import BacktranslationConfig, FilterConfig
from backtranslation.filtering import ScoresQuality
from parley.pipeline.errors import InputError
from parley.pipeline.executors.serial import InProcess
from parley.pipeline.manifest import read_manifest
from parley.pipeline.runner import run_stages
from parley.pipeline.stage import Shard, Stage
from tests.backtranslation.examples import TINY_GENERATION, corpus_folder
from tests.training.chat_corpus import WORDS, chat_rows
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.teacher_config import TeacherConfig
from training.tokenizer import TokenizerConfig, train_tokenizer

ALL = FilterConfig(accept="all")
CONFIG = BacktranslationConfig(
    pairs=["fr-th"], uses=["back", "forward", "pivot"], candidates=60,
    generation=TINY_GENERATION, filter=ALL,
)  # fmt: skip


@dataclass(frozen=True)
class FolderConfig:
    folder: str


class FolderStage(Stage[FolderConfig]):
    """Stands for a stage whose folder a test has made already."""

    name = "folder"

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(FolderConfig(str(folder)), name=name)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        for path in Path(self.config.folder).iterdir():
            (out / path.name).write_bytes(path.read_bytes())
        return {}


def save_random_teacher(folder: Path) -> Path:
    """A teacher of width 16 that says something."""
    texts = {code: [cell for cell in chat_rows(60)[code] if cell] for code in WORDS}
    tokenizer = train_tokenizer(texts, TokenizerConfig(vocab_size=420))
    config = TeacherConfig(depth=1, d_model=16, num_experts=2, moe_every=1)
    torch.manual_seed(1)
    model = ParleyMoeForConditionalGeneration(config.model_config(len(tokenizer), tokenizer.get_vocab()))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter += torch.randn(parameter.shape) * 0.3
        model.get_input_embeddings().weight[: tokenizer.get_vocab()["<0x00>"]] *= 0.2
    model.save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Shards of a few texts, and pairs that count as rich with a few rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "SHARD_TEXTS", 20)
        patch.setattr(selection, "PIVOT_MIN_ROWS", 50)
        yield


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FolderStage]:
    root = tmp_path_factory.mktemp("sources")
    return {
        "corpus": FolderStage("corpus", corpus_folder(root / "corpus")),
        "model": FolderStage("teacher", save_random_teacher(root / "teacher")),
    }


def made(sources: Mapping[str, FolderStage], config: BacktranslationConfig = CONFIG, **more: Any) -> SyntheticStage:
    return synthetic_stage(config, more.pop("round_number", 1), sources["corpus"], sources["model"], **more)


def ran(stages: Sequence[Stage[Any]], run_dir: Path) -> dict[str, Path]:
    return run_stages(stages, run_dir, InProcess())


@pytest.fixture(scope="module")
def folder(sources: dict[str, FolderStage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ran([made(sources)], tmp_path_factory.mktemp("runs") / "one")["synthetic_1"]


def test_every_candidate_is_stored(folder: Path) -> None:
    table = read_candidates(folder)
    assert table.schema == SCHEMA
    assert table.num_rows == 120
    assert len(set(table["row_id"].to_pylist())) == 120
    uses = [(row["use"], row["direction"]) for row in table.to_pylist()]
    assert {each: uses.count(each) for each in uses} == {
        (use, direction): 20 for use in ("back", "forward", "pivot") for direction in ("fr-th", "th-fr")
    }


def test_texts_stand_on_their_sides(folder: Path) -> None:
    for row in read_candidates(folder).to_pylist():
        source, target = row["direction"].split("-")
        assert (row["origin"], row["round"]) == ("backtranslated", 1)
        assert row["synthetic_language"] == (target if row["use"] == "forward" else source)
        real = row["source_text"] if row["use"] == "forward" else row["target_text"]
        assert (real == row["original"]) == (row["use"] != "pivot")
        assert real.split()[-1].isdigit(), "the model's own text ends otherwise"
        assert row["accepted"] == (row["reason"] == "unfiltered")


def test_facts_tell_what_became_of_each_direction(folder: Path) -> None:
    facts = read_manifest(folder).facts
    assert (facts["round"], facts["candidates"], facts["accept"]) == (1, 120, "all")
    assert facts["translated"] == 2 * 80, "back and forward share translations, pivots do not"
    assert facts["seconds"] > 0
    assert facts["sentences_per_second"] == pytest.approx(facts["translated"] / facts["seconds"], rel=0.01)
    found = facts["directions"]["fr-th"]
    assert found["candidates"] == 60 == sum(found["histogram"]) == sum(found["verdicts"].values())
    assert len(found["histogram"]) == 10
    assert found["share"] == found["accepted"] / 60
    assert found["uses"] == {"back": 20, "forward": 20, "pivot": 20}


def test_another_filter_decodes_nothing_again(
    sources: dict[str, FolderStage], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "translate_shard", lambda *_: pytest.fail("decoded again"))
    run_dir = folder.parents[1]
    other = ran([made(sources, replace(CONFIG, filter=replace(ALL, min_chrf=5.0)))], run_dir)["synthetic_1"]
    assert other != folder
    assert read_candidates(other).equals(read_candidates(folder))


def test_a_killed_run_goes_on_at_the_shard(
    sources: dict[str, FolderStage], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, written = GeneratedStage.run_shard, []

    def run_one(stage: GeneratedStage, shard: Shard, *arguments: Any) -> None:
        if len(written) == 1:
            raise KeyboardInterrupt
        original(stage, shard, *arguments)
        written.append(shard.name)

    def run_more(stage: GeneratedStage, shard: Shard, *arguments: Any) -> None:
        written.append(shard.name)
        original(stage, shard, *arguments)

    monkeypatch.setattr(GeneratedStage, "run_shard", run_one)
    with pytest.raises(KeyboardInterrupt):
        ran([made(sources)], tmp_path / "killed")
    monkeypatch.setattr(GeneratedStage, "run_shard", run_more)
    again = ran([made(sources)], tmp_path / "killed")["synthetic_1"]
    assert written == ["00000", "00001", "00002", "00003"], "none of them twice"
    assert read_candidates(again).equals(read_candidates(folder)), "the same as without a stop"


def test_sampled_rounds_follow_their_seed(
    sources: dict[str, FolderStage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "BEAM_UNDER", 0)
    sampled = replace(CONFIG, uses=["back"])
    texts = [
        read_candidates(ran([made(sources, replace(sampled, seed=seed))], tmp_path / name)["synthetic_1"])
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert texts[0].equals(texts[1])
    assert texts[0]["decoding"].unique().to_pylist() == ["sampling"]
    assert not texts[0]["source_text"].equals(texts[2]["source_text"])


def test_nothing_accepted_says_why_and_keeps_the_translations(
    sources: dict[str, FolderStage], folder: Path, tmp_path: Path
) -> None:
    strict = replace(CONFIG, uses=["back"], filter=FilterConfig(min_chrf=100.0))
    with pytest.raises(InputError, match=r"round 1: nothing accepted of 120 candidates \(rejected by "):
        ran([made(sources, strict)], tmp_path / "strict")
    assert len(list((tmp_path / "strict" / "generated_1").glob("*/generated.parquet"))) == 1
    assert not list((tmp_path / "strict" / "synthetic_1").glob("*/manifest.json"))


def test_a_language_that_the_model_lacks_is_named(sources: dict[str, FolderStage], tmp_path: Path) -> None:
    from tests.parley.decoding.test_translator import vocabulary

    broken = tmp_path / "model"
    broken.mkdir()
    for path in Path(sources["model"].config.folder).iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    vocabulary("__en__", "__th__").save_pretrained(str(broken))
    stages = {**sources, "model": FolderStage("teacher", broken)}
    with pytest.raises(InputError, match=r"backtranslation: \w\w-\w\w: .*no language tag for 'fr'"):
        ran([made(stages)], tmp_path / "run")


class LengthScorer:
    def __call__(
        self, sources: Sequence[str], targets: Sequence[str], languages: Sequence[tuple[str, str]]
    ) -> list[float]:
        return [float(len(text)) for text in targets]


def load_scorer(folder: Path) -> ScoresQuality:
    assert folder.is_dir()
    return LengthScorer()


def test_a_quality_model_is_an_input_like_any_other(sources: dict[str, FolderStage], folder: Path) -> None:
    quality = QualityInput(sources["model"], load_scorer)
    config = replace(CONFIG, filter=replace(ALL, min_qe=1.0))
    with_scores = ran([made(sources, config, qe=quality)], folder.parents[1])["synthetic_1"]
    row = read_candidates(with_scores).to_pylist()[0]
    assert row["qe"] == len(row["target_text"])
    with pytest.raises(InputError, match="needs a quality estimation model"):
        ran([made(sources, config)], folder.parents[1])


def test_rounds_are_stages_of_their_own(sources: dict[str, FolderStage]) -> None:
    second = made(sources, round_number=2)
    assert (second.name, second.inputs["generated"].name) == ("synthetic_2", "generated_2")
    assert (GeneratedStage.name, SyntheticStage.name) == ("generated", "synthetic")
