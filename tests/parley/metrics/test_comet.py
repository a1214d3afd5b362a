"""COMET in its own environment, on a tiny local checkpoint; and what is said where that environment is absent."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from eval.scoring.added_metric import add_metric, with_values
from eval.scoring.message_scores import score_messages
from parley.metrics.comet import PYTHON, Comet, score_comet
from parley.pipeline.errors import InputError
from tests.eval.planted import evidence, rows

here = pytest.mark.skipif(not PYTHON.exists(), reason="no environment for COMET: make comet-env")
TEXTS = (["abc", "hello", ""], ["abc", "hallo", "no"], ["abc", "hello", "no"])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comet") / "tiny"
    script = Path(__file__).with_name("tiny_comet.py")
    done = subprocess.run([str(PYTHON), str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "checkpoints" / "model.ckpt"


@here
@pytest.mark.slow
def test_a_local_checkpoint_scores_the_same_in_any_batch(checkpoint: Path) -> None:
    found = score_comet(*TEXTS, checkpoint)
    assert len(found) == 3
    assert len(set(found)) == 3
    assert score_comet(*TEXTS, checkpoint, batch_size=1) == pytest.approx(found, abs=1e-5)


def test_an_absent_environment_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make comet-env"):
        score_comet(*TEXTS, tmp_path / "model.ckpt", python=tmp_path / "python")


def test_an_absent_checkpoint_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "python").touch()
    with pytest.raises(InputError, match="no COMET checkpoint"):
        score_comet(*TEXTS, tmp_path / "checkpoints" / "model.ckpt", python=tmp_path / "python")


def test_scores_go_into_the_report_with_intervals() -> None:
    found = evidence(rows(messages=30))
    assert found.outputs is not None
    report = json.loads(json.dumps(found.report))
    outputs = found.outputs.outputs
    scores = np.random.default_rng(0).normal(-0.2, 0.3, len(outputs))
    messages = with_values(score_messages(outputs, None), Comet(), scores.tolist())
    add_metric(report, with_values(messages, Comet(), scores.tolist()), Comet(), "tiny")
    chosen = np.array(outputs["pair"].to_pylist()) == "en-fr"
    entry = report["pairs"]["en-fr"]["systems"]["teacher"]
    assert entry["comet"] == pytest.approx(scores[chosen].mean())
    assert entry["comet_ci"][0] < entry["comet"] < entry["comet_ci"][1]
    half = 1.96 * scores[chosen].std() / np.sqrt(30)
    assert (entry["comet_ci"][1] - entry["comet_ci"][0]) / 2 == pytest.approx(half, rel=0.2)
    assert report["mean"]["teacher"]["comet"] == pytest.approx(scores.mean())
    assert report["metrics"]["signatures"]["comet"] == "tiny"
    assert report["metrics"]["shown"][-1] == {"name": "comet", "label": "COMET", "digits": 4}
