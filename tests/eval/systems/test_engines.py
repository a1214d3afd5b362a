"""One set of weights through every engine: the pipeline's decoder, `generate` and CTranslate2 give the same outputs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.config import EvaluationConfig
from eval.systems.config import SystemConfig
from eval.systems.loading import open_system
from parley.decoding.translator import Translator
from parley.pipeline.errors import InputError
from tests.eval import examples
from tests.eval.example_evaluation import ExampleEvaluation
from tests.eval.systems.m2m100 import save_m2m100
from tests.parley.languages.typed import CLEAN, INVISIBLE, SOURCES, TYPED

TEXTS = ["Are you ready?", "", "Follow me to the gate", "I need healing", "Good game!"]


@pytest.fixture(scope="module")
def m2m100(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_m2m100(tmp_path_factory.mktemp("m2m100"))


@pytest.fixture(scope="module")
def ctranslate2_folder(m2m100: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ctranslate2", reason="CTranslate2 is not installed: extra [ctranslate2]")
    from ctranslate2.converters import TransformersConverter

    folder = tmp_path_factory.mktemp("converted") / "model"
    files = ["tokenizer.json", "tokenizer_config.json"]
    TransformersConverter(str(m2m100), copy_files=files).convert(str(folder))
    return folder


def translate(folder: Path, format: str = "auto", beam_size: int = 1, **more: str) -> list[str]:
    system = SystemConfig("tiny", str(folder), format, **more)  # type: ignore[arg-type]
    translator = open_system(system, examples.testset(), beam_size, "cpu")
    if isinstance(translator, Translator):  # random weights loop, and what loops does not go out
        translator.config = replace(translator.config, guarded=False)
    targets = ["fr", "fr", "th", "th", "fr"]
    return translator.translate_many(TEXTS, ["en"] * 5, targets)


def test_generate_equals_the_pipelines_decoder(m2m100: Path) -> None:
    expected = translate(m2m100)
    assert SystemConfig("tiny", str(m2m100)).chosen == "parley"
    assert len(set(expected)) >= 4
    assert expected[1] == ""
    assert translate(m2m100, "transformers") == expected


def test_ctranslate2_equals_the_pipelines_decoder(m2m100: Path, ctranslate2_folder: Path) -> None:
    assert SystemConfig("tiny", str(ctranslate2_folder)).chosen == "ctranslate2"
    assert translate(ctranslate2_folder) == translate(m2m100)
    assert len(translate(ctranslate2_folder, beam_size=3)) == len(TEXTS)


def test_ctranslate2_takes_the_tokenizer_from_elsewhere(m2m100: Path, ctranslate2_folder: Path) -> None:
    expected = translate(ctranslate2_folder)
    (ctranslate2_folder / "tokenizer.json").rename(ctranslate2_folder / "elsewhere.json")
    try:
        assert translate(ctranslate2_folder, tokenizer=str(m2m100)) == expected
    finally:
        (ctranslate2_folder / "elsewhere.json").rename(ctranslate2_folder / "tokenizer.json")


def test_an_evaluation_of_a_ctranslate2_directory(ctranslate2_folder: Path, tmp_path: Path) -> None:
    translator = open_system(SystemConfig("ct2", str(ctranslate2_folder)), examples.testset(), device="cpu")
    facts = ExampleEvaluation(EvaluationConfig(perturbed_messages=0), translator).run(tmp_path, {})
    assert facts["mean"]["teacher"]["directions"] == 6


def test_compute_types_that_are_not_there_are_one_line(ctranslate2_folder: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        translate(ctranslate2_folder, compute_type="int3")


def test_what_is_not_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a model folder"):
        translate(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(InputError, match="cannot be loaded"):
        translate(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"nothing")
    pytest.importorskip("ctranslate2", reason="CTranslate2 is not installed: extra [ctranslate2]")
    with pytest.raises(InputError, match="the CTranslate2 model cannot be opened"):
        translate(tmp_path)


@pytest.mark.parametrize("kind", ["parley", "transformers", "ctranslate2"])
def test_it_does_not_matter_how_a_message_was_typed(kind: str, m2m100: Path, ctranslate2_folder: Path) -> None:
    folder = ctranslate2_folder if kind == "ctranslate2" else m2m100
    system = SystemConfig("typed", str(folder), kind)  # type: ignore[arg-type]
    opened = open_system(system, examples.testset(), device="cpu")
    short = [place for place, text in enumerate(CLEAN) if len(text.encode()) < 36]  # the model has 128 positions
    typed, clean, sources = ([texts[place] for place in short] for texts in (TYPED, CLEAN, SOURCES))
    targets = ["fr" if source == "en" else "en" for source in sources]
    assert opened.translate_many(typed, sources, targets) == opened.translate_many(clean, sources, targets)
    assert opened.translate_many(INVISIBLE, ["en"] * 9, ["fr"] * 9) == [""] * 9


def test_a_model_without_tags_has_one_target(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

    folder = save_m2m100(tmp_path / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), decoder_start_token_id=1, **sizes)).save_pretrained(
        tmp_path / "t5"
    )
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, "ready": 3, "game": 4}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    fast.save_pretrained(str(tmp_path / "t5"))
    with pytest.raises(InputError, match="cannot be told the target language"):
        translate(tmp_path / "t5")
    told = translate(tmp_path / "t5", prompt="translate {source} to {target}: {text}")
    assert len(told) == 5
    system = open_system(SystemConfig("t5", str(tmp_path / "t5")), examples.testset(), device="cpu")
    assert len(system.translate_many(["ready"], ["en"], ["fr"])) == 1
    with pytest.raises(InputError, match="auto_source_messages=0"):
        system.translate_many(["ready"], ["auto"], ["fr"])
