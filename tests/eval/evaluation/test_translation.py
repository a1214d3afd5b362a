"""Translating, the shards of an evaluation, slices and detection."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sacrebleu.metrics.chrf import CHRF

from eval.config import EvaluationConfig
from eval.scoring.detection_scores import score_detection
from eval.scoring.direction_scores import score_outputs
from eval.testsets.outputs import SCHEMA, translate_directions
from eval.testsets.perturbations import AUTO_SOURCE
from parley.decoding.protocols import TranslatesMany
from parley.metrics.metric import MeanMetric, Translations
from parley.metrics.registry import METRICS, metric
from parley.pipeline.errors import InputError
from parley.pipeline.shards import missing_shards
from tests.eval.example_evaluation import ExampleEvaluation
from tests.eval.examples import Detector, NeverOffTarget, Phrasebook, testset
from tests.registries import may_change

CONFIG = EvaluationConfig(perturbed_messages=2)
DATA = testset()
ROWS = {direction: DATA.rows(direction) for direction in DATA.directions()}


class StopsAfter(Phrasebook):
    """Is killed at its second call."""

    def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
        if self.calls:
            raise KeyboardInterrupt
        return super().translate_many(texts, sources, targets)


class Careful(Phrasebook):
    """Knows messages as they are; otherwise, or told a wrong language, it has nothing to say."""

    def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
        known = [(text, target) in self._known for text, target in zip(texts, targets, strict=True)]
        right = [text in DATA.texts.get(source, ()) for text, source in zip(texts, sources, strict=True)]
        rows = zip(texts, targets, known, right, strict=True)
        return [self._known[t, target] if fits and told else "" for t, target, fits, told in rows]


def evaluated(translator: TranslatesMany, out: Path, config: EvaluationConfig = CONFIG) -> dict[str, Any]:
    """The scores.json of an evaluation."""
    ExampleEvaluation(config, translator).run(out, {})
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert isinstance(scores, dict)
    return scores


def test_outputs_hold_every_message_of_every_direction() -> None:
    table = translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table
    assert table.schema == SCHEMA
    assert len(table) == sum(map(len, ROWS.values()))
    assert table["hypothesis"].to_pylist() == table["reference"].to_pylist()
    assert set(zip(*(table[name].to_pylist() for name in ("pair", "source", "reference")), strict=True)) >= {
        ("en-th", "Are you ready?", "พร้อมหรือยัง"),
        ("th-fr", "รอฉันด้วย", "Attends-moi"),
    }


def test_portions_do_not_mix_messages_up(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table
    monkeypatch.setattr("eval.testsets.outputs.PORTION", 2)
    assert translate_directions(Phrasebook(DATA), "teacher", DATA, ROWS).table == whole


def test_a_killed_evaluation_goes_on_with_the_missing_shards_and_gives_the_same(tmp_path: Path) -> None:
    config = EvaluationConfig(perturbed_messages=0)
    with pytest.raises(KeyboardInterrupt):
        evaluated(StopsAfter(DATA), tmp_path / "killed", config)
    stage, second = ExampleEvaluation(config, Phrasebook(DATA)), Phrasebook(DATA)
    assert [shard.name for shard in missing_shards(stage.shards({}), tmp_path / "killed")] == ["fr", "th"]
    resumed = evaluated(second, tmp_path / "killed", config)
    assert len(second.calls) == 2
    whole = evaluated(Phrasebook(DATA), tmp_path / "whole", config)
    assert {**resumed, "speed": 0} == {**whole, "speed": 0}
    assert resumed["speed"]["teacher"]["seconds"] > 0
    for name in ("outputs.parquet", "message_scores.parquet"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


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
    outputs = translate_directions(Phrasebook(DATA), "auto", DATA, ROWS, AUTO_SOURCE).table
    scores = score_outputs(outputs, NeverOffTarget(), samples=100)
    for direction, entry in scores["pairs"].items():
        rows = [row for row in outputs.to_pylist() if row["pair"] == direction]
        expected = CHRF().corpus_score([r["hypothesis"] for r in rows], [[r["reference"] for r in rows]]).score
        found = entry["systems"]["auto"]
        assert (entry["n"], found["chrf"]) == (len(rows), expected)
        assert found["chrf_ci"][0] <= expected <= found["chrf_ci"][1]


def test_with_and_without_source_language(tmp_path: Path) -> None:
    class Hearing(Detector):
        """Is not told a wrong language, and reads rough typing."""

        def translate_many(self, texts, sources, targets):  # type: ignore[no-untyped-def]
            known = [text if (text, target) in self._known else "" for text, target in zip(texts, targets, strict=True)]
            self._known |= {("", target): "" for target in DATA.languages}
            return super().translate_many(known, sources, targets)

    scores = evaluated(Hearing(DATA), tmp_path)
    compared = scores["slices"]["auto_source"]["teacher"]
    assert compared["clean"] == pytest.approx(100)
    assert compared["chrf"] < 100
    assert compared["delta_ci"][1] < 0
    assert compared["n"] == len(pq.read_table(tmp_path / "outputs_auto_source.parquet")) == 12
    detection = scores["source_detection"]
    assert detection["accuracy"] == pytest.approx(8 / 12)  # French is taken for English
    assert sum(part["n"] for part in detection["by_length"].values()) == detection["n"] == 12
    assert scores["speed"]["teacher"]["messages"] == len(pq.read_table(tmp_path / "outputs.parquet"))


def test_perturbations_cost_what_they_cost(tmp_path: Path) -> None:
    scores = evaluated(Careful(DATA), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("outputs.parquet", "message_scores.parquet", "scores.json", "outputs_auto_source.parquet"),
        *("outputs_noisy.parquet", "outputs_wrong_source.parquet"),
        *("outputs_copied.parquet", "outputs_mixed.parquet", "outputs_short_messages.parquet"),
    }
    for name in ("noisy", "wrong_source"):
        found = scores["slices"][name]["teacher"]
        assert (found["clean"], found["n"]) == (pytest.approx(100), 12)
        assert found["chrf"] < 60
        assert found["delta"] == pytest.approx(found["chrf"] - 100)
        assert found["share"] == pytest.approx(found["chrf"] / 100)
    assert scores["slices"]["short"]["teacher"].keys() == {"chrf", "chrf_ci", "all", "n"}


def test_optional_parts_stay_out(tmp_path: Path) -> None:
    config = EvaluationConfig(perturbed_messages=0, pairs=["en-fr"], max_messages=2)
    scores = evaluated(Phrasebook(DATA), tmp_path, config)
    assert scores.keys() == {"pairs", "into", "mean", "metrics", "speed", "systems"}
    assert (list(scores["pairs"]), scores["pairs"]["en-fr"]["n"]) == (["en-fr"], 2)


def test_a_model_without_detector_leaves_detection_out(tmp_path: Path) -> None:
    class Refuses(Careful):
        def detect(self, texts: list[str]) -> list[str]:
            raise InputError("this model does not detect languages")

    assert "source_detection" not in evaluated(Refuses(DATA), tmp_path)


def test_a_metric_from_elsewhere_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_change(METRICS, monkeypatch)

    @metric
    class ExactMatch(MeanMetric):
        name, label = "exact_match", "Exact match"

        def values(self, texts: Translations) -> list[float]:
            return [100.0 * (h == r) for h, r in zip(texts.hypotheses, texts.references, strict=True)]

    config = EvaluationConfig(metrics=["exact_match", "bleu"], perturbed_messages=2)
    scores = evaluated(Careful(DATA), tmp_path, config)
    assert scores["mean"]["teacher"]["exact_match"] == 100.0
    assert scores["pairs"]["en-fr"]["systems"]["teacher"]["exact_match_ci"] == [100.0, 100.0]
    assert scores["slices"]["noisy"]["teacher"]["exact_match"] < 60
    assert "chrf" not in scores["mean"]["teacher"]
    assert pq.read_table(tmp_path / "message_scores.parquet")["exact_match"].to_pylist() == [100.0] * 18


def test_detection_by_length_and_language() -> None:
    texts = ["hola!", "hi there", "un deux trois quatre", "快走吧快走吧快走吧", "..."]
    found = score_detection(texts, ["es", "en", "fr", "zh-Hans", "en"], ["pt", "en", "fr", "zh-Hant", "en"])
    right, wrong = {"accuracy": 1.0, "n": 1}, {"accuracy": 0.0, "n": 1}
    assert (found["accuracy"], found["n"]) == (0.6, 5)
    assert found["by_length"] == {"1": wrong, "2-3": right, "4-8": right, "9+": wrong}
    assert found["longer"] == {"accuracy": 0.5, "n": 2}
    assert found["by_language"] == {"en": {"accuracy": 1.0, "n": 2}, "es": wrong, "fr": right, "zh-Hans": wrong}
    assert found["alike"] == {"zh-Hans/zh-Hant": wrong, "es/pt": wrong, "en/id": {"accuracy": 1.0, "n": 2}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metrics": ["chrv"]}, "unknown metric 'chrv'; choose chrf"),
        ({"metrics": []}, "evaluation.metrics is empty"),
        ({"beam_size": 0}, "evaluation.beam_size is 0; it must be at least 1"),
        ({"max_messages": -1}, "evaluation.max_messages is -1"),
        ({"pairs": ["en-xx"]}, "'en-xx' is not a direction"),
    ],
)
def test_config_mistakes(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluationConfig(**values)
