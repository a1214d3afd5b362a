"""Translating with a model folder: the order of texts and batches does not matter; what is wrong is one clear line."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import M2M100ForConditionalGeneration, PreTrainedTokenizerFast

from parley.decoding.detection import Detector
from parley.decoding.pieces import source_pieces, tag_id
from parley.decoding.search import Sampling
from parley.decoding.translator import DecodingConfig
from parley.languages.table import AUTO, CODES, LANGUAGES
from parley.pipeline.errors import InputError
from tests.eval.tiny_model import save_tiny_model
from tests.parley.languages.typed import CLEAN, INVISIBLE, TYPED
from tests.training.tiny_m2m100 import tiny_m2m100
from training.model.loading import Translator, load_model
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.teacher_config import TeacherConfig
from training.tokenizer import load_tokenizer

TEXTS = ["Are you ready?", "gg wp", "", "Push mid now, they have no healer left!", "ok", "  ", "¿Listo? 🔥", "gg wp"]
SHORT = DecodingConfig(max_new_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher whose random weights are large enough to say something."""
    path = save_tiny_model(tmp_path_factory.mktemp("model"))
    model, generator = load_model(path), torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter += torch.randn(parameter.shape, generator=generator) * 0.2
        specials = load_tokenizer(path).get_vocab()["<0x00>"]
        model.get_input_embeddings().weight[:specials] *= 0.2  # tied to the output: special tokens come seldom
    model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def translator(folder: Path) -> Translator:
    return Translator.load(folder, SHORT)


def configured(translator: Translator, **changes: object) -> Translator:
    config = replace(translator.config, **changes)  # type: ignore[arg-type]
    return Translator(translator.model, translator.tokenizer, config)


@pytest.fixture
def broken(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder to break."""
    return Path(shutil.copytree(folder, tmp_path / "broken"))


def test_empty_texts_stay_empty(translator: Translator) -> None:
    outputs = translator.translate(TEXTS, "th")
    assert [output for output, text in zip(outputs, TEXTS, strict=True) if not text.strip()] == ["", ""]
    assert len(set(outputs)) >= 4, "else the tests of this file would compare nothing with nothing"
    assert translator.translate([], "th") == []
    assert translator.translate(["", " "], "th") == ["", ""]


def test_equal_texts_get_equal_translations(translator: Translator) -> None:
    outputs = translator.translate(TEXTS, "th")
    assert outputs[1] == outputs[7]


@pytest.mark.parametrize("beam_size", [1, 3])
def test_batches_and_order_do_not_change_the_result(translator: Translator, beam_size: int) -> None:
    outputs = configured(translator, beam_size=beam_size).translate(TEXTS, "ko", "en")
    for batch_size in (1, 3):
        changed = configured(translator, beam_size=beam_size, batch_size=batch_size)
        assert changed.translate(TEXTS, "ko", "en") == outputs
        assert changed.translate(TEXTS[::-1], "ko", "en") == outputs[::-1]


def test_several_targets_equal_single_translations(translator: Translator) -> None:
    targets = ["th", "fr", "zh-Hans"]
    together = translator.translate_into(TEXTS, targets, "en")
    assert together == {target: translator.translate(TEXTS, target, "en") for target in targets}


def test_each_text_has_languages_of_its_own(translator: Translator) -> None:
    sources, targets = ["en", AUTO, "es", "de"], ["fr", "th", "en", "ja"]
    mixed = translator.translate_many(TEXTS[3:7], sources, targets)
    alone = [translator.translate([t], b, a)[0] for t, a, b in zip(TEXTS[3:7], sources, targets, strict=True)]
    assert mixed == alone


def test_progress_counts_every_text_that_has_content(translator: Translator) -> None:
    done: list[int] = []
    configured(translator, batch_size=4).translate_many(TEXTS, ["en"] * 8, ["th"] * 8, done.append)
    assert done == [6], "batches are decoded side by side"


def test_lengths_are_limited(translator: Translator) -> None:
    tag, end = tag_id(translator.tokenizer, "en"), translator.tokenizer.eos_token_id
    sources = [[tag, *range(300, 300 + count), end] for count in (1, 4, 20)]
    factor = configured(translator, max_new_tokens=60, length_factor=1.5)
    for beam_size in (1, 2):
        lengths = [len(x) for x in configured(factor, beam_size=beam_size).decode_pieces(sources, ["th"] * 3)]
        assert all(length <= limit for length, limit in zip(lengths, (17, 22, 46), strict=True))
        lengths = [len(x) for x in configured(translator, beam_size=beam_size).decode_pieces(sources, ["th"] * 3)]
        assert max(lengths) <= 12


def test_it_does_not_matter_how_a_message_was_typed(translator: Translator) -> None:
    assert translator.translate(TYPED, "fr") == translator.translate(CLEAN, "fr")
    assert translator.translate(INVISIBLE, "fr") == [""] * len(INVISIBLE)


def test_long_messages_are_translated_in_parts(translator: Translator) -> None:
    parts = ["push mid now!", "they have no healer left."]
    most = max(len(translator.tokenizer(part, add_special_tokens=False)["input_ids"]) for part in parts)
    found = configured(translator, max_source_tokens=most).translate([" ".join(parts), "gg"], "fr", "en")
    assert found == [" ".join(translator.translate(parts, "fr", "en")), *translator.translate(["gg"], "fr", "en")]


def test_sampling_follows_its_seed(translator: Translator) -> None:
    sampled = [configured(translator, sampling=Sampling(seed=seed)).translate(TEXTS, "th") for seed in (1, 1, 2)]
    assert sampled[0] == sampled[1] != sampled[2]
    top = configured(translator, sampling=Sampling(top_k=1)).translate(TEXTS, "th")
    assert top == translator.translate(TEXTS, "th")


def test_the_model_says_what_language_it_reads(translator: Translator) -> None:
    found = translator.detect(["hello", "bonjour à tous"])
    assert {one.code for one in found} <= set(CODES)
    assert all(1 / len(CODES) <= one.probability <= 1 for one in found)
    whole = translator.model.encoder(torch.tensor(source_pieces(translator.tokenizer, ["hello"], ["auto"])))
    best, place = whole.detection_logits.detach().softmax(-1)[0].max(-1)
    assert found[0] == (translator.model.config.languages[place], pytest.approx(float(best), abs=1e-5))


def test_a_detector_is_kept_beside_a_model_that_has_none(translator: Translator, tmp_path: Path) -> None:
    texts = ["hello", "bonjour à tous", ""]
    own = Detector.of(translator.model)
    assert own is not None
    assert Detector.beside(tmp_path) is None
    own.save(tmp_path)
    other = Translator(translator.model, translator.tokenizer, detector=Detector.beside(tmp_path))
    for kept, exact in zip(other.detect(texts), translator.detect(texts), strict=True):
        assert kept == (exact.code, pytest.approx(exact.probability, abs=1e-3))


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(InputError, match="beam_size=0"):
        DecodingConfig(beam_size=0)
    with pytest.raises(InputError, match="1 with sampling"):
        DecodingConfig(beam_size=2, sampling=Sampling())


@pytest.mark.parametrize(("target", "source"), [("xx", "en"), ("th", "zh"), ("auto", "en")])
def test_unknown_languages_are_refused(translator: Translator, target: str, source: str) -> None:
    with pytest.raises(InputError, match="unknown language code"):
        translator.translate(["hi"], target, source)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="not a model folder"):
            Translator.load(place)


def test_a_truncated_model_is_refused(broken: Path) -> None:
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=f"{broken}: the model cannot be loaded"):
        load_model(broken)


def test_an_unreadable_config_is_refused(broken: Path) -> None:
    (broken / "config.json").write_text("{not json")
    with pytest.raises(InputError, match=str(broken)):
        load_model(broken)


def test_a_model_without_tokenizer_is_refused(broken: Path) -> None:
    for path in broken.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(InputError, match=f"{broken}: the tokenizer cannot be loaded"):
        Translator.load(broken)


def test_a_tokenizer_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(folder)
    config = TeacherConfig(depth=1, d_model=32, num_experts=2).model_config(300, tokenizer.get_vocab())
    ParleyMoeForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(str(tmp_path))
    with pytest.raises(InputError, match=r"the tokenizer has \d+ pieces, the model 300: not a pair"):
        Translator.load(tmp_path)


def vocabulary(*tags: str) -> PreTrainedTokenizerFast:
    words = {word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *tags, *"abcdefgh"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=list(tags),
    )  # fmt: skip


def test_tags_of_other_families_of_models_are_found() -> None:
    nllb = vocabulary(*(language.flores for language in LANGUAGES.values()))
    assert [tag_id(nllb, code) for code in CODES] == list(range(4, 20))
    m2m100 = vocabulary("__en__", "__th__", "__zh__")
    assert [tag_id(m2m100, code) for code in ("en", "th", "zh-Hans", "zh-Hant")] == [4, 5, 6, 6]
    own = vocabulary("__zh__", "__zh-Hant__")
    assert tag_id(own, "zh-Hant") == 5
    with pytest.raises(InputError, match="no language tag for 'ko'"):
        tag_id(m2m100, "ko")
    with pytest.raises(InputError, match="no language tag for 'auto'"):
        tag_id(nllb, AUTO)


def test_a_plain_m2m100_folder_translates(tmp_path: Path) -> None:
    tokenizer = vocabulary("__en__", "__fr__")
    torch.manual_seed(0)
    M2M100ForConditionalGeneration(tiny_m2m100(len(tokenizer))).save_pretrained(tmp_path)
    tokenizer.save_pretrained(str(tmp_path))
    translator = Translator.load(tmp_path, SHORT)
    assert len(translator.translate(["a b c", ""], "fr", "en")) == 2
    with pytest.raises(InputError, match="M2M100ForConditionalGeneration does not detect"):
        translator.detect(["a"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no archive"])
def test_a_damaged_detector_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "detector.npz").write_bytes(content)
    with pytest.raises(InputError, match="not a detector of languages"):
        Detector.beside(tmp_path)
