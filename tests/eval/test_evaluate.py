"""Translating group by group, resuming, scoring, slices and detection."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sacrebleu.metrics.chrf import CHRF

from eval.config import EvaluationConfig
from eval.evaluate import evaluate
from eval.scoring.scoring import score_detection, score_outputs
from eval.testsets.conditions import AUTO_SOURCE
from eval.testsets.outputs import SCHEMA, translate_directions
from parley.decoding.protocols import TranslatesMany
from parley.pipeline.errors import InputError
from tests.eval.examples import Detector, NeverOffTarget, Phrasebook, testset

CONFIG = EvaluationConfig(bootstrap_samples=100, auto_source_messages=2)
DATA = testset()
ROWS = {direction: DATA.rows(direction) for direction in DATA.directions()}


class StopsAfter(Phrasebook):
    """Is killed before its call number `calls_left`."""

    calls_left = 1

    def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
        if len(self.calls) == self.calls_left:
            raise KeyboardInterrupt
        return super().translate_many(texts, sources, targets)


def test_outputs_hold_every_message_of_every_direction() -> None:
    table = translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table
    assert table.schema == SCHEMA
    assert len(table) == sum(map(len, ROWS.values()))
    assert table["hypothesis"].to_pylist() == table["reference"].to_pylist()
    assert set(zip(*(table[name].to_pylist() for name in ("pair", "source", "reference")), strict=True)) >= {
        ("en-th", "Are you ready?", "พร้อมหรือยัง"),
        ("th-fr", "รอฉันด้วย", "Attends-moi"),
    }


def test_a_source_language_is_asked_for_at_once() -> None:
    phrasebook = Phrasebook(DATA)
    translate_directions(phrasebook, "teacher", DATA, ROWS)
    assert len(phrasebook.calls) == 3


def test_a_killed_run_goes_on_from_finished_groups(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        translate_directions(StopsAfter(DATA), "teacher", DATA, ROWS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["en.parquet"]
    second = Phrasebook(DATA)
    resumed = translate_directions(second, "teacher", DATA, ROWS, tmp_path)
    assert len(second.calls) == 2
    assert resumed.table == translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table
    assert resumed.seconds > 0


def test_portions_do_not_mix_messages_up(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table
    monkeypatch.setattr("eval.testsets.outputs.PORTION", 2)
    assert translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table == whole


def test_perfect_and_broken_systems_side_by_side() -> None:
    good = translate_directions(Phrasebook(DATA), "good", DATA, ROWS).table
    bad = good.set_column(1, "system", [["bad"] * len(good)])
    bad = bad.set_column(6, "hypothesis", [["", *bad["source"].to_pylist()[1:]]])
    scores = score_outputs(pa.concat_tables([good, bad]), NeverOffTarget(), samples=100)
    assert scores["mean"]["good"]["chrf"] == pytest.approx(100)
    assert scores["mean"]["good"]["chrf_ci"] == pytest.approx([100, 100])
    assert scores["pairs"]["en-fr"]["systems"]["bad"]["empty"] == pytest.approx(1 / 3)
    assert scores["pairs"]["fr-en"]["systems"]["bad"]["copies"] == 1.0
    assert scores["mean"]["bad"]["directions"] == 6
    assert list(scores["pairs"]) == DATA.directions()
    assert "tok:13a" in scores["metrics"]["signatures"]["bleu/fr"]


def test_scores_in_the_table_are_sacrebleus() -> None:
    outputs = translate_directions(Phrasebook(DATA), "auto", DATA, ROWS, condition=AUTO_SOURCE).table
    scores = score_outputs(outputs, NeverOffTarget(), samples=100)
    for direction, entry in scores["pairs"].items():
        rows = [row for row in outputs.to_pylist() if row["pair"] == direction]
        expected = CHRF().corpus_score([r["hypothesis"] for r in rows], [[r["reference"] for r in rows]]).score
        found = entry["systems"]["auto"]
        assert (entry["n"], found["chrf"]) == (len(rows), expected)
        assert found["chrf_ci"][0] <= expected <= found["chrf_ci"][1]


def test_whole_evaluation_compares_with_and_without_source() -> None:
    result = evaluate(Detector(DATA), "teacher", DATA, CONFIG, NeverOffTarget())
    compared = result.scores["slices"]["auto_source"]["teacher"]
    assert compared["clean"] == pytest.approx(100)
    assert compared["chrf"] < 100
    assert compared["delta_ci"][1] < 0
    assert compared["n"] == len(result.conditions["auto_source"]) == 12
    detection = result.scores["source_detection"]
    assert detection["accuracy"] == pytest.approx(8 / 12)  # French is taken for English
    assert sum(part["n"] for part in detection["by_length"].values()) == detection["n"] == 12
    assert result.scores["speed"]["teacher"]["messages"] == len(result.outputs)


def test_harder_conditions_cost_what_they_cost() -> None:
    class Careful(Phrasebook):
        """Knows messages as they are; otherwise, or told a wrong language, it has nothing to say."""

        def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
            known = [(text, target) in self._known for text, target in zip(texts, targets, strict=True)]
            right = [DATA.texts[source].count(text) for text, source in zip(texts, sources, strict=True)]
            rows = zip(texts, targets, known, right, strict=True)
            return [self._known[t, target] if fits and told else "" for t, target, fits, told in rows]

    config = EvaluationConfig(bootstrap_samples=100, auto_source_messages=0, disturbed_messages=2)
    result = evaluate(Careful(DATA), "teacher", DATA, config, NeverOffTarget())
    assert set(result.conditions) == {"noisy", "wrong_source"}
    for name in ("noisy", "wrong_source"):
        found = result.scores["slices"][name]["teacher"]
        assert (found["clean"], found["n"]) == (pytest.approx(100), 12)
        assert found["chrf"] < 60
        assert result.conditions[name]["source"].to_pylist()[0] in result.outputs["source"].to_pylist()
    assert result.scores["slices"]["short"]["teacher"].keys() == {"chrf", "chrf_ci", "all", "n"}


def test_optional_parts_stay_out() -> None:
    config = EvaluationConfig(bootstrap_samples=100, auto_source_messages=0, pairs=["en-fr"], max_messages=2)
    result = evaluate(Phrasebook(DATA), "teacher", DATA, config, NeverOffTarget())
    assert result.scores.keys() == {"pairs", "mean", "metrics", "speed"}
    assert (list(result.scores["pairs"]), result.scores["pairs"]["en-fr"]["n"]) == (["en-fr"], 2)


def test_a_model_without_detector_leaves_detection_out() -> None:
    class Refuses(Phrasebook):
        def detect(self, texts: list[str]) -> list[str]:
            raise InputError("this model does not detect languages")

    system: TranslatesMany = Refuses(DATA)
    assert "source_detection" not in evaluate(system, "teacher", DATA, CONFIG, NeverOffTarget()).scores


def test_saved_files(tmp_path: Path) -> None:
    result = evaluate(Phrasebook(DATA), "teacher", DATA, CONFIG, NeverOffTarget())
    result.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "outputs.parquet",
        "message_scores.parquet",
        "outputs_auto_source.parquet",
        "scores.json",
    }
    assert pq.read_table(tmp_path / "outputs.parquet") == result.outputs


def test_detection_by_length() -> None:
    found = score_detection(["hi", "x" * 10, "y" * 60], ["en", "fr", "fr"], ["en", "en", "fr"])
    assert found["by_length"] == {
        "1-5": {"accuracy": 1.0, "n": 1},
        "6-10": {"accuracy": 0.0, "n": 1},
        "51+": {"accuracy": 1.0, "n": 1},
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"split": "train"}, "choose test or dev"),
        ({"beam_size": 0}, "evaluation.beam_size is 0; it must be at least 1"),
        ({"max_messages": -1}, "evaluation.max_messages is -1"),
        ({"bootstrap_samples": 5}, "need at least 100"),
        ({"pairs": ["en-xx"]}, "'en-xx' is not a direction"),
    ],
)
def test_config_mistakes(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluationConfig(**values)
