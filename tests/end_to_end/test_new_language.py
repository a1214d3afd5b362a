"""A language is added by one row of the table: the pipeline runs with it, and what was made before works as it did."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import torch

from tests.end_to_end.toy_run import ROOT, toy
from tests.training.toy_corpus import make_inputs
from training.model.modelling import ParleyMoeForConditionalGeneration
from training.model.teacher_config import TeacherConfig
from training.tokenizer import load_tokenizer

PACKAGES: Final = ("parley", "training", "backtranslation", "distillation", "qe_model", "eval", "scripts", "configs")
# In front of all others: nothing may hang on the place of a language in the table.
ROWS: Final = """
    Language("nl", "Dutch", "nld_Latn", "Germanic", 1.12),
    Language("uk", "Ukrainian", "ukr_Cyrl", "Slavic", 1.05),
    Language("ar", "Arabic", "arb_Arab", "Semitic", 0.85),
"""
IDENTIFY: Final = """
from parley.languages.identification import LanguageIdentifier
texts = ["Hoe gaat het vandaag met jullie?", "Привіт, як у вас сьогодні справи?", "مرحبا كيف حالك اليوم"]
texts += ["Привет, как у вас сегодня дела?"]
identifier = LanguageIdentifier()
print(*identifier.identify(texts), *(identifier.off_target(texts[1], code) for code in ("uk", "ru", "ar", "nl")))
"""
LOSS: Final = """
import sys
import torch
from training.batches.config import BatchingConfig
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchStream
from training.model.loading import load_model
encoded, model = EncodedCorpus.open(sys.argv[1]), load_model(sys.argv[2]).train(False)
batch = next(iter(BatchStream(encoded, BatchingConfig())))
output = model(**batch.model_inputs())
print(float(output.loss), float(output.metrics["detection_accuracy"]), model.config.languages)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the rows, and with Dutch phrases in the demo."""
    house = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, house / package, ignore=shutil.ignore_patterns("__pycache__"))
    table = house / "parley/languages/table.py"
    before = table.read_text(encoding="utf-8")
    table.write_text(before.replace("_ROWS: Final = (\n", f"_ROWS: Final = ({ROWS}"), encoding="utf-8")
    for file in (house / "parley/corpus/demo_phrases").glob("*.yaml"):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        dutch = [line.replace("  en: ", "  nl: ").replace("o", "oo") for line in lines if line.startswith("  en: ")]
        file.write_text("".join(line + (dutch.pop(0) if line.startswith("  en: ") else "") for line in lines))
    return house


def run(house: Path, *words: str, given: str = "") -> str:
    """What a program of a house prints."""
    environment = os.environ | {"PYTHONPATH": str(house)}
    done = subprocess.run(
        [sys.executable, *words], cwd=house, env=environment, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pipeline_runs_with_one_row_more(house: Path, tmp_path: Path) -> None:
    few = ("languages=[en,nl,fr,th]", "data.withhold_pairs=[fr-th]")
    run(house, "scripts/pipeline.py", *toy(tmp_path), *few)
    report = json.loads((tmp_path / "demo/report/report.json").read_text(encoding="utf-8"))
    assert {"en-nl", "nl-en", "nl-th", "fr-nl"} <= set(report["pairs"])
    assert report["pairs"]["en-nl"]["systems"]["teacher"]["off_target"] is not None
    [model] = [file.parent for file in (tmp_path / "demo/teacher").glob("*/config.json")]
    assert "nl" in json.loads((model / "config.json").read_text(encoding="utf-8"))["languages"]
    assert run(house, "scripts/translate.py", f"model={model}", "target_lang=nl", given="hello\n").count("\n") == 1


def test_a_new_language_is_told_by_its_script_or_among_those_that_share_it(house: Path) -> None:
    assert run(house, "-c", IDENTIFY).split() == ["nl", "uk", "ar", "ru", "False", "True", "True", "True"]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of an encoded corpus and of a model with its tokenizer, made without the rows."""
    folders = make_inputs(tmp_path_factory.mktemp("old"))
    tokenizer, folder = load_tokenizer(folders["tokenizer"]), str(folders["tokenizer"])
    torch.manual_seed(0)
    size = TeacherConfig(depth=1, d_model=32, num_experts=2, moe_every=1)
    model = ParleyMoeForConditionalGeneration(size.model_config(len(tokenizer), tokenizer.get_vocab()))
    for weight in model.decoder.parameters():  # small ones would say the tag again and again
        torch.nn.init.normal_(weight)
    model.save_pretrained(folder)
    return {"encoded": str(folders["encoded"]), "model": folder}


@pytest.mark.parametrize("source", ["auto", "fr"])
def test_a_model_made_before_translates_as_it_did(house: Path, old: dict[str, str], source: str) -> None:
    words = ("scripts/translate.py", f"model={old['model']}", "target_lang=th", f"source_lang={source}")
    known = run(ROOT, *words, given="gg team\nwait for me\n")
    assert len(known.split()) > 1
    assert run(house, *words, given="gg team\nwait for me\n") == known


def test_data_made_before_trains_as_it_did(house: Path, old: dict[str, str]) -> None:
    words = ("-c", LOSS, old["encoded"], old["model"])
    assert run(house, *words) == run(ROOT, *words)
