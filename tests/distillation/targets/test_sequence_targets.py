"""The teacher's translations as training data, and the noise that goes in front of them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distillation.config import SequenceTargetsConfig
from distillation.targets import sequence_targets
from distillation.targets.batches import EveryNth, MixedStream
from distillation.targets.noise import NoiseConfig, roughened
from distillation.targets.sequence_targets import PARTS, SequenceStream, write_sequences
from parley.decoding.translator import DecodingConfig
from parley.pipeline.errors import InputError
from tests.distillation.toy_teacher import toy_inputs
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig, BatchStream
from training.model.loading import Translator
from training.tokenizer import SPECIAL_TOKENS

CONFIG = SequenceTargetsConfig(messages=12)
BATCHING = BatchingConfig(batch_tokens=200, max_length=64)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return toy_inputs(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def written(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sequences")
    translator = Translator.load(inputs["teacher"], DecodingConfig(beam_size=2, max_new_tokens=8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequence_targets, "NOISE", NoiseConfig(lower=0.0, typo=0.5))
        facts = write_sequences(out, inputs["corpus"], inputs["tokenizer"], translator, CONFIG)
    assert facts["messages"] + facts["empty"] == 4 * 12  # en-fr, en-th and back; fr-th is withheld
    return out


def stream(folder: Path, rank: int = 0, world: int = 1) -> SequenceStream:
    return SequenceStream(folder, BATCHING, rank, world)


def test_an_epoch_gives_every_message_once(written: Path) -> None:
    seen: Counter[tuple[int, ...]] = Counter()
    first = stream(written)
    count = len(first._examples.row)
    batches, messages = [], 0
    for batch in first:
        batches.append(batch)
        messages += len(batch.input_ids)
        pairs = set(zip(batch.source_language.tolist(), batch.target_language.tolist(), strict=True))
        assert all(SPECIAL_TOKENS.index("__en__") in tags for tags in pairs)
        seen.update((*s, -1, *t) for s, t in zip(batch.input_ids.tolist(), batch.labels.tolist(), strict=True))
        if messages >= count:
            break
    assert messages == count
    assert len(seen) >= 0.9 * count  # random weights may say the same twice


def test_targets_are_the_teachers_words_and_sources_the_rough_ones(written: Path, inputs: dict[str, Path]) -> None:
    import pyarrow.parquet as pq

    encoded = EncodedCorpus.open(written / "encoded")
    sources = pq.read_table(written / PARTS)["source"].to_pylist()
    corpus = pq.read_table(inputs["corpus"] / "shard-00000.parquet")
    clean = {text for code in ("en", "fr", "th") for text in corpus[code].to_pylist()}
    assert any(text not in clean for text in sources)
    assert encoded.fact("origin").unique().to_pylist() == ["teacher"]


def test_resumes_and_shares_over_processes(written: Path) -> None:
    whole = [batch.labels.tolist() for batch, _ in zip(stream(written), range(20), strict=False)]
    halves = [
        [batch.labels.tolist() for batch, _ in zip(stream(written, rank, 2), range(10), strict=False)]
        for rank in range(2)
    ]
    assert [halves[n % 2][n // 2] for n in range(20)] == whole
    first, second = stream(written), stream(written)
    for _ in zip(first, range(7), strict=False):
        state = first.state_dict()
    second.load_state_dict(state)
    assert next(iter(second)).labels.tolist() == whole[7]


def test_finished_directions_are_not_translated_again(written: Path, inputs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / PARTS).mkdir()
    kept = tmp_path / PARTS / "en-fr.parquet"
    kept.write_bytes((written / PARTS / "en-fr.parquet").read_bytes())
    before = kept.stat().st_mtime_ns
    translator = Translator.load(inputs["teacher"], DecodingConfig(max_new_tokens=4))
    write_sequences(tmp_path, inputs["corpus"], inputs["tokenizer"], translator, CONFIG)
    assert kept.stat().st_mtime_ns == before


def test_a_mixture_keeps_its_share_for_any_number_of_processes(written: Path, inputs: dict[str, Path]) -> None:
    def mixed() -> MixedStream:
        return MixedStream(BatchStream(EncodedCorpus.open(inputs["encoded"]), BATCHING), stream(written), 0.25)

    whole = [batch.labels.tolist() for batch, _ in zip(mixed(), range(16), strict=False)]
    teachers = [batch.labels.tolist() for batch, _ in zip(stream(written), range(4), strict=False)]
    assert whole[3::4] == teachers
    part = EveryNth(mixed(), 1, 2)
    assert [batch.labels.tolist() for batch, _ in zip(part, range(8), strict=False)] == whole[1::2]


def test_monolingual_text_is_translated_too(inputs: dict[str, Path], tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("heal wait\n\nrun up\n")
    config = replace(CONFIG, messages=10**6, monolingual={"en": str(lines)})
    translator = Translator.load(inputs["teacher"], DecodingConfig(max_new_tokens=2))
    plain = write_sequences(
        tmp_path / "a", inputs["corpus"], inputs["tokenizer"], translator, replace(config, monolingual={})
    )
    more = write_sequences(tmp_path / "b", inputs["corpus"], inputs["tokenizer"], translator, config)
    assert sum(more.values()) == sum(plain.values()) + 2 * 2
    broken = replace(config, monolingual={"en": str(tmp_path / "absent.txt")})
    with pytest.raises(InputError, match=r"monolingual\.en=.*absent"):
        write_sequences(tmp_path / "c", inputs["corpus"], inputs["tokenizer"], translator, broken)


@pytest.mark.parametrize(
    ("noise", "text", "wanted"),
    [
        (NoiseConfig(1, 0, 0, 0, 0), "Go NOW!", "go now!"),
        (NoiseConfig(0, 1, 0, 0, 0), "Go now!", "GO NOW!"),
        (NoiseConfig(0, 0, 1, 0, 0), "Go now!! 3.5, ok?", "Go now 3.5 ok"),
        (NoiseConfig(0, 0, 1, 0, 0), "快走!", "快走"),
        (NoiseConfig(0, 0, 1, 1, 1), "!!", "!!"),
        (NoiseConfig(0, 0, 0, 1, 1), "ไปกันเถอะ", "ไปกันเถอะ"),
        (NoiseConfig(0, 0, 0, 0, 0), "As it is.", "As it is."),
    ],
)
def test_noise(noise: NoiseConfig, text: str, wanted: str) -> None:
    assert roughened([text], noise, 0) == [wanted]


def test_noise_is_drawn_by_seed_and_place() -> None:
    texts = ["please help the healer"] * 200
    first = roughened(texts, NoiseConfig(), 1)
    assert first == roughened(texts, NoiseConfig(), 1)
    assert first != roughened(texts, NoiseConfig(), 2)
    changed = np.mean([rough != text for rough, text in zip(first, texts, strict=True)])
    assert 0.05 < changed < 0.6
