"""Folders of others: nothing in them is run, and what is wrong with them is one line."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parley.pipeline.errors import InputError
from tests.eval.tiny_model import save_tiny_model
from training.model.loading import Translator

ROOT = Path(__file__).resolve().parents[2]
DEEP = "[" * 100_000 + "]" * 100_000
CODE = "open('RAN', 'w')\nfrom transformers import PreTrainedTokenizerFast as Own, PretrainedConfig as Config\n"
Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "other"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def with_code(folder: Path) -> None:
    """Tokenizer and model that name code beside them, under classes that only it has."""
    (folder / "own.py").write_text(CODE)
    tokenizer = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": [None, "own.Own"]}}
    change(folder / "tokenizer_config.json", **tokenizer)
    change(folder / "config.json", model_type="own", auto_map={"AutoConfig": "own.Config"})


@pytest.mark.parametrize("script", ["translate", "evaluate", "score_quality", "upcycle"])
def test_no_code_is_run_whatever_the_messages_say(script: str, folder: Path, tmp_path: Path) -> None:
    with_code(folder)
    (tmp_path / "rows.tsv").write_text("en\tfr\nyes\toui\n")
    (tmp_path / "pairs.tsv").write_text("source_lang\ttarget_lang\tsource\ttranslation\nen\tfr\tyes\toui\n")
    upcycle = "from training.model.upcycling import upcycle; upcycle(None, 'other')"
    commands = {
        "translate": [f"{ROOT}/scripts/translate.py", "model=other", "target_lang=fr"],
        "evaluate": [f"{ROOT}/scripts/evaluate.py", "model=other", "testset=rows.tsv", "out=scores"],
        "score_quality": [f"{ROOT}/scripts/score_quality.py", "model=other", "input=pairs.tsv", "out=scored.tsv"],
        "upcycle": ["-c", upcycle],
    }
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *commands[script]], cwd=tmp_path, env=environment, input="hello\ny\nyes\n1\n", text=True,
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert "[y/N]" not in done.stderr
    assert not list(tmp_path.rglob("RAN"))


def test_code_that_is_not_needed_is_passed_over(folder: Path) -> None:
    change(folder / "config.json", auto_map={"AutoConfig": "own.Config", "AutoModelForSeq2SeqLM": "own.Model"})
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "own.Own"]})
    assert len(Translator.load(folder).translate(["hi"], "fr")) == 1


def replace(content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": "."}, "content": content}


STRANGE: dict[str, tuple[str, Any, str]] = {
    "auto_map": ("config.json", {"model_type": "own", "auto_map": {"AutoConfig": "own.C"}}, "code of its own"),
    "quantized": (
        "config.json",
        {"quantization_config": {"load_in_8bit": True, "quant_method": "bitsandbytes"}},
        "cannot be loaded",
    ),
    "kernel": ("config.json", {"attn_implementation": "other/kernel"}, "code from elsewhere"),
    "kernel of a part": ("config.json", {"text_config": {"_attn_implementation": "a/b"}}, "code from elsewhere"),
    "no heads": ("config.json", {"num_attention_heads": 0}, "cannot be loaded"),
    "no model": ("tokenizer.json", {"model": None}, "tokenizer cannot be loaded"),
    "panic": ("tokenizer.json", {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AA"}}, "Precompiled"),
    "bomb": ("tokenizer.json", {"normalizer": {"type": "Sequence", "normalizers": [replace("aaaa")] * 9}}, "replace"),
    "deep config": ("config.json", DEEP, "recursion"),
    "deep tokenizer": ("tokenizer.json", DEEP, "recursion"),
    "deep settings": ("tokenizer_config.json", DEEP, "recursion"),
    "deep generation": ("generation_config.json", DEEP, "recursion"),
    "no keys": ("tokenizer.json", "{}", "tokenizer cannot be loaded"),
    "list": ("tokenizer_config.json", "[]", "not a JSON object"),
    "bytes": ("config.json", b"\xff\xfe{}", "cannot be read"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_strange_settings_are_one_line(kind: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name, content, message = STRANGE[kind]
    if isinstance(content, dict):
        change(folder / name, **content)
    else:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as refused:
        Translator.load(folder)
    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "panicked" not in capfd.readouterr().err


class Runs:
    def __reduce__(self) -> tuple[Callable[[str, str], Any], tuple[str, str]]:
        return open, ("RAN", "w")


@pytest.mark.parametrize("content", [pickle.dumps({"a": Runs()}), pickle.dumps({}), b"PK\x03\x04", b""])
def test_pickled_weights_are_refused(
    content: bytes, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(InputError, match="the model cannot be loaded"):
        Translator.load(folder)
    assert not (tmp_path / "RAN").exists()
