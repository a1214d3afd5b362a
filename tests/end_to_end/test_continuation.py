"""A scheduled run goes on from its promoted teacher when new data comes: same vocabulary, old data beside new."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from eval.gates.promotion import roll_back
from eval.gates.promotions import read_promotions
from parley.config.composition import compose_config
from parley.pipeline.manifest import Manifest, read_manifest
from scripts.pipeline import main
from scripts.run_config import RunConfig
from tests.end_to_end.toy_run import SMALL, overrides
from tests.training.chat_corpus import chat_message
from training.teacher import load_teacher

WORDS: Final = SMALL | {
    "training.max_tokens": 0,
    "evaluation.max_messages": 1,
    "executor.cores": 1,
    "data.cleaning.duplicates": "exact",
}
RULES: Final = "gates.rules={any: 'mean.chrf >= 0'}"


def chat(folder: Path, name: str, numbers: range) -> None:
    """A file of messages with splits of their own, so that none changes its split when there are more."""
    split = {5: "dev", 7: "test"}
    rows = [f"{chat_message('en', n)}\t{chat_message('fr', n)}\t{split.get(n % 12, 'train')}" for n in numbers]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.tsv").write_text("\n".join(["en\tfr\tsplit", *rows]) + "\n", encoding="utf-8")


def tick(tmp_path: Path, continuation: str = "{rehearsal: 0.25, max_updates: 80, learning_rate: 1e-9}") -> None:
    told = [f"data.root={tmp_path / 'data'}", f"runs_root={tmp_path / 'runs'}", f"continuation={continuation}"]
    words = ["experiment=mine", *overrides(WORDS), *told, "gates=none", RULES, "tick=true"]
    main(compose_config(RunConfig, "pipeline", words))


def teacher(tmp_path: Path) -> tuple[Path, Manifest]:
    """The promoted one."""
    promotions = read_promotions(tmp_path / "runs/mine")
    assert promotions is not None
    folder = tmp_path / "runs/mine/teacher" / promotions.now.stages["teacher"]
    return folder, read_manifest(folder)


@pytest.mark.slow
def test_goes_on_from_the_promoted_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chat(tmp_path / "data", "first", range(120))
    tick(tmp_path)
    first, begun = teacher(tmp_path)
    assert "start" not in begun.config
    capsys.readouterr()
    tick(tmp_path)
    assert "nothing due" in capsys.readouterr().err

    chat(tmp_path / "data", "second", range(120, 300))
    tick(tmp_path)
    second, went_on = teacher(tmp_path)
    assert went_on.config["start"] == f"teacher/{first.name}"
    assert went_on.facts["vocabulary_digest"] == begun.facts["vocabulary_digest"]
    given: dict[str, Any] = went_on.facts["messages"]
    assert given["rehearsed"] / given["human"] == pytest.approx(0.25, abs=0.06)
    before, after = (dict(load_teacher(folder).named_parameters()) for folder in (first, second))
    for name, weight in before.items():  # at a rate of nearly nothing they are still the first one's
        torch.testing.assert_close(after[name], weight, rtol=0, atol=1e-4)
    capsys.readouterr()
    tick(tmp_path)
    assert "nothing due" in capsys.readouterr().err

    roll_back(tmp_path / "runs/mine", "worse in the game")
    tick(tmp_path)
    assert "nothing due" in capsys.readouterr().err
    assert teacher(tmp_path)[0] == first
    tokenizers = {path.read_bytes() for path in (tmp_path / "runs/mine/tokenizer").glob("*/tokenizer.json")}
    assert len(tokenizers) == 1
    assert json.loads((tmp_path / "runs/mine/promoted.json").read_text())["withdrawn"]
