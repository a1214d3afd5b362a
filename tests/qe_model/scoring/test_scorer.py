"""Training on synthetic errors and scoring with what comes out: one small model serves all tests here."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from parley.languages.normalisation import normalised_text
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import ContextMessage
from qe_model.evaluation.agreement import agreement, pooled_agreement, scored_as_annotated
from qe_model.evaluation.damage import damage_curves, damaged
from qe_model.model.config import QEConfig, QEModelConfig
from qe_model.model.inputs import InputEncoder
from qe_model.scoring.files import read_pairs, score_file
from qe_model.scoring.filter_scorer import load_filter
from qe_model.scoring.scorer import QualityScorer, make_pair, score_of
from qe_model.training_stages import QEStage
from tests.qe_model.tiny_qe import examples, make_world, tiny_config, training, write_data
from training.loop.config import TrackingConfig

CHANGES = {
    "plain": "lt é, นี้ x",
    "decomposed": "lt e\u0301, นี้ x",
    "zero-width space": "l\u200bt é, นี้\u200b x",
    "word joiner": "lt\u2060 é, นี้ x",
    "soft hyphen": "l\u00adt é, นี้ x",
    "no-break space": "lt\u00a0é, นี้\u202fx",
    "ideographic space": "lt\u3000é, นี้ x",
    "two spaces": "lt  é,  นี้ x",
    "byte order mark": "\ufefflt é, นี้ x",
    "lines": "lt é,\nนี้\u2028x\n",
    "Thai tone before its vowel": "lt é, น้ี x",
    "Thai tone twice": "lt é, น้ี้ x",
    "control": "lt\x07 é, นี้ x",
    "direction mark": "lt é, \u200fนี้ x",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("qe")
    found = make_world(root / "world", width=32)
    found["qe_data"] = write_data(root / "data")
    found["qe"] = root / "qe"
    QEStage(tiny_config(320)).run(found["qe"], found)
    return found


@pytest.fixture(scope="module")
def scorer(folders: dict[str, Path]) -> QualityScorer:
    return QualityScorer.load(folders["qe"])


def test_the_stages_leave_a_model_and_facts(folders: dict[str, Path]) -> None:
    facts = json.loads((folders["qe"] / "result.json").read_text())
    assert facts["dev"]["dev/mcc"] > 0.15
    names = {path.name for path in folders["qe"].iterdir()}
    assert {"model.safetensors", "decisions.json", "tokenizer.json"} <= names
    assert not names & {"checkpoints", "best"}


def test_errors_are_found_in_unseen_messages(scorer: QualityScorer) -> None:
    rows = examples(150, "test", seed=9)
    found = agreement(rows, scorer.score(rows), scorer.decisions, samples=20)["en-fr"]
    assert found["mcc"]["value"] > 0.15
    assert found["mcc"]["ci"][0] < found["mcc"]["value"] < found["mcc"]["ci"][1]
    assert {"pairwise_accuracy", "spearman", "publishable"} <= set(found["sentence"])
    assert pooled_agreement(rows, scorer.score(rows), 20)["mcc"]["value"] == pytest.approx(found["mcc"]["value"])


def test_every_set_is_scored_in_the_style_of_its_annotators(scorer: QualityScorer) -> None:
    decisions = replace(
        scorer.decisions,
        thresholds={"target": {"*": 2.0, "tags/*": 0.0}, "gaps": {"*": 2.0}, "source": {"*": 2.0}},
    )
    strict = QualityScorer(scorer.model, scorer.encoder, decisions, "mqm")
    rows = examples(30, "test")
    rows = [one for one, said in zip(rows, scorer.score(rows), strict=True) if not said.flags][:6]
    rows = [
        replace(one, origin="human", known=one.known - {"severity"}) if number % 2 else one
        for number, one in enumerate(rows)
    ]
    marked = [len(one.spans) > 0 for one in scored_as_annotated(strict, rows, "")]
    assert marked == [False, True] * 3


def test_batches_do_not_change_scores(scorer: QualityScorer) -> None:
    rows = examples(20, "test", seed=4)
    alone = [scorer.score([one])[0].score for one in rows]
    assert [one.score for one in scorer.score(rows)] == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize(
    ("source", "target", "flags"),
    [
        ("", "", ()),
        ("go now", "", ("empty",)),
        ("go now", "   ", ("empty",)),
        ("go now help the team", "go now help the team", ("copied",)),
        ("ok", "ok", ()),
        ("go now", "сейчас надо идти", ("wrong_language",)),
        ("😀", "🎮🎮", ()),
        ("go", "l" * 5000, ()),
        ("go now " * 700, "lt stb " * 700, ()),
        ("a\x00b \u200b", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), ()),
    ],
    ids=["both empty", "empty", "blank", "copied", "short copy", "wrong language", "emoji", "one word", "long", "odd"],
)
def test_odd_input_has_a_defined_score(scorer: QualityScorer, source: str, target: str, flags: tuple[str, ...]) -> None:
    said = scorer.score([make_pair("en", "fr", source, target)])[0]
    assert said.flags == flags or (len(target) > 1000 and not flags)
    assert 0 <= said.score <= 100
    assert np.isfinite(said.penalty)
    assert len(said.words.severity) == len(said.words.words) == len(said.words.gaps) - 1
    assert all(0 <= span.start <= span.end <= len(one) for span in said.spans for one in (
        target if span.side == "target" else source,
    ))  # fmt: skip
    if flags:
        assert said.penalty >= 25
        assert said.errors()["critical"] >= 1


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_how_a_text_is_typed_changes_neither_words_nor_tags(scorer: QualityScorer, change: str) -> None:
    plain, typed = scorer.score_texts(["go now where"] * 2, [CHANGES["plain"], change], [("en", "fr")] * 2)
    assert (typed.words.severity, typed.words.gaps, typed.flags) == (
        plain.words.severity,
        plain.words.gaps,
        plain.flags,
    )
    assert typed.score == pytest.approx(plain.score, abs=1e-3)
    for words, text in ((plain, CHANGES["plain"]), (typed, change)):
        found = [normalised_text(text[start:end]) for start, end in words.words.words]
        assert found == ["lt", "é", ",", "นี้", "x"]
        assert all(normalised_text(text[span.start : span.end]) for span in words.spans if not span.is_point)


def test_an_encoder_reads_nothing_but_the_normal_form(scorer: QualityScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    encodings = InputEncoder.encodings
    monkeypatch.setattr(InputEncoder, "encodings", lambda self, texts: seen.extend(texts) or encodings(self, texts))
    before = (ContextMessage("wa\u00adit", "bu\u200by"),)
    scorer.score([make_pair("en", "fr", "\ufeffgo  now", "lt\u200b e\u0301", before)])
    assert seen == ["go now", "lt é", "wait", "buy"]


def test_nothing_at_all_is_perfect(scorer: QualityScorer) -> None:
    assert scorer.score([]) == []
    assert scorer.score([make_pair("en", "fr", "", "")])[0].score == 100


def test_languages_beyond_the_sixteen_are_scored(scorer: QualityScorer) -> None:
    assert 0 <= scorer.score([make_pair("hi", "cs", "go now", "lt stb")])[0].score <= 100


def test_more_damage_is_a_lower_score(scorer: QualityScorer) -> None:
    right = [replace(one, target="", spans=()) for one in examples(60, "test", seed=8)]
    from tests.training.toy_corpus import cipher

    rows = [replace(one, target=cipher(one.source, 5)) for one in right]
    curve = damage_curves(scorer, rows, (0.0, 0.5, 1.0))["fr"]
    assert curve["messages"] == 60
    assert curve["scores"][2] < curve["scores"][0]


def test_damage_is_nested() -> None:
    one = make_pair("en", "fr", "", "a b c d e f g h")
    texts = [damaged(one, share, ["x", "y", "z"]).split() for share in (0.0, 0.1, 0.5, 1.0)]
    changed = [{place for place, word in enumerate(text) if word in "xyz"} for text in texts]
    assert [len(places) for places in changed] == [0, 1, 4, 8]
    assert changed[1] < changed[2] < changed[3]


def test_texts_and_languages_must_belong_together(scorer: QualityScorer) -> None:
    with pytest.raises(InputError, match="1 sources but 2 translations"):
        scorer.score_texts(["a"], ["b", "c"], [("en", "fr")])


def test_the_filter_of_back_translation_scores_mixed_directions(
    folders: dict[str, Path], scorer: QualityScorer
) -> None:
    texts = ["go now", "go now", "go"], ["lt stb", "", "lt"], [("en", "fr"), ("en", "fr"), ("en", "th")]
    found = load_filter(folders["qe"])(*texts)
    assert found == pytest.approx([one.score for one in scorer.score_texts(*texts)], abs=0.01)
    assert found[0] > found[1]


def test_the_filter_of_back_translation_drops_what_scores_low(folders: dict[str, Path], scorer: QualityScorer) -> None:
    """The filter itself, with candidates as generation writes them."""
    from tests.backtranslation.test_filtering import candidate, decided

    texts = [("go now help", "lt stb mjqu"), ("go now help", "lt lt stb mjqu")]
    rows = [
        candidate(place, direction="en-fr", source_text=source, target_text=target, original_language="fr",
                  original=target)
        for place, (source, target) in enumerate(texts)
    ]  # fmt: skip
    scores = [scorer.score([make_pair("en", "fr", *pair)])[0].score for pair in texts]
    assert abs(scores[0] - scores[1]) > 0.1
    found = decided(rows, load_filter(folders["qe"]), min_qe=sum(scores) / 2)
    assert [row["reason"] for row in found] == ["qe" if one == min(scores) else "accepted" for one in scores]
    assert [row["qe"] for row in found] == pytest.approx(scores, abs=0.01)


def test_the_scale() -> None:
    assert [round(score_of(penalty)) for penalty in (0, 1, 5, 25)] == [100, 96, 82, 37]


@pytest.mark.parametrize("ending", [".tsv", ".jsonl", ".parquet"])
def test_files_in_and_out(scorer: QualityScorer, ending: str, tmp_path: Path) -> None:
    import pyarrow as pa

    rows = [
        {"id": "a", "source_lang": "en", "target_lang": "fr", "source": "go now", "target": "lt stb"},
        {"id": "b", "source_lang": "en", "target_lang": "fr", "source": "help", "target": ""},
    ]
    file, out = tmp_path / f"in{ending}", tmp_path / f"out{ending}"
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif ending == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        file.write_text("\n".join("\t".join(cells) for cells in (list(rows[0]), *(list(row.values()) for row in rows))))
    assert score_file(scorer, read_pairs(file), out) == 2
    if ending == ".parquet":
        found = pq.read_table(out).to_pylist()
    elif ending == ".jsonl":
        found = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        head, *lines = (line.split("\t") for line in out.read_text().splitlines())
        found = [dict(zip(head, line, strict=True)) for line in lines]
        found = [{k: json.loads(v) if v[:1] in "[{" else v for k, v in row.items()} for row in found]
    assert [row["id"] for row in found] == ["a", "b"]
    assert float(found[0]["score"]) > float(found[1]["score"])
    assert len(found[0]["words"]) == 2
    assert found[1]["flags"] == ["empty"]
    assert found[1]["spans"][0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "one of .parquet .jsonl .tsv .csv"),
        ("a.tsv", "source\ttarget\na\tb\tc\n", "line 2 has 3 fields"),
        ("a.tsv", "source\tother\na\tb\n", "no column target"),
        ("a.tsv", "source\ttarget\na\tb\n", "line 2: no language"),
        ("a.jsonl", '{"source": "a", "target": null}\n', "line 1: 'target' is None"),
        (
            "a.tsv",
            f"source\ttarget\na\t{'b ' * 500_000}\n",
            "a.tsv: line 2: 'target' is longer than 20,000 characters",
        ),
        (
            "a.jsonl",
            '{"source": "a", "target": "b", "source_lang": "en", "target_lang": "fr", "context": "x"}\n',
            "not a JSON list",
        ),
        (
            "a.jsonl",
            '{"source": "a", "target": "b", "source_lang": "en", "target_lang": "fr", "context": ["x"], '
            '"context_translations": ["y", "z"]}\n',
            "1 earlier messages but 2 translations",
        ),
    ],
)
def test_bad_files_name_the_row(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        list(read_pairs(tmp_path / name))


def test_context_is_read(tmp_path: Path) -> None:
    row = {"source": "a", "target": "b", "source_lang": "en", "target_lang": "fr", "context": ["x", "y"]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert next(read_pairs(tmp_path / "a.jsonl")).context == (ContextMessage("x"), ContextMessage("y"))


def test_a_folder_that_is_no_model_is_one_line(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a model folder"):
        QualityScorer.load(tmp_path)
    with pytest.raises(InputError, match="not a quality-estimation model"):
        QualityScorer.load(folders["teacher"])
    shutil.copytree(folders["qe"], tmp_path / "undecided", ignore=shutil.ignore_patterns("decisions.json"))
    with pytest.raises(InputError, match=r"decisions\.json"):
        QualityScorer.load(tmp_path / "undecided")


def test_the_evaluation_stage_tells_what_the_report_shows(folders: dict[str, Path], tmp_path: Path) -> None:
    from qe_model.annotations.store import write_annotations
    from qe_model.evaluation.stage import SCORES, QEEvaluationStage
    from qe_model.model.config import QEEvaluationConfig
    from qe_model.synthetic.contrastive import contrastive_pairs

    data = tmp_path / "data"
    data.mkdir()
    pairs = [half for pair in contrastive_pairs(["en", "es"], 2) for half in (pair.right, pair.wrong)]
    human = [
        replace(one, origin="human", raters=("a",), split=split, style="mqm", system="Human-A" if by_people else "A")
        for number, split in enumerate(("train", "dev", "test"))
        for by_people in (False, True)
        for one in examples(30 - 20 * by_people, split, seed=20 + number)
    ]
    doctors = [replace(one, id=f"bio:{one.id}", style="medical") for one in human]
    rows = [*pairs, *human, *doctors, *examples(20, "test", seed=30)]
    write_annotations(data / "annotations.parquet", rows)
    config = QEEvaluationConfig(bootstrap_samples=20, damage_messages=5)
    with pytest.raises(InputError, match="human_directions: th-en: no human annotation"):
        QEEvaluationStage(replace(config, human_directions=["th-en"])).run(
            tmp_path / "none", {"qe": folders["qe"], "qe_data": data}
        )
    QEEvaluationStage(config).run(tmp_path / "out", {"qe": folders["qe"], "qe_data": data})
    scores = json.loads((tmp_path / "out" / SCORES).read_text())
    assert {"human", "human_sets", "synthetic", "synthetic_all", "context", "damage", "baselines"} <= set(scores)
    assert set(scores["baselines"]["en-fr"]) == {"base_rate", "alignment"}
    kinds = ["en-fr", "en-fr/medical"]
    assert list(scores["human"]) == list(scores["baselines"]) == kinds
    assert [scores["human"][kind]["translations"] for kind in kinds] == [30, 30]
    assert scores["baselines"]["en-fr"]["base_rate"]["mcc"]["value"] == 0
    assert {"with_context", "without_context", "gain", "by_kind", "pairs"} == set(scores["context"])
    shares = [scores["context"][name]["value"] for name in ("with_context", "without_context", "gain")]
    assert shares[0] - shares[1] == pytest.approx(shares[2])
    assert set(scores["context"]["by_kind"]) == {"formality", "gender", "terms"}
    assert 0.3 < scores["context"]["without_context"]["value"] < 0.7  # the split breaks some of the symmetry
    assert scores["damage"]["fr"]["shares"][-1] == 1.0
    assert "labelled" not in scores
    assert scores["error_free"]["style"] == "synthetic"  # what the model's decisions were tuned on
    assert set(scores["error_free"]["groups"]["*"]["levels"]) == {"0.8", "0.9", "0.95"}
    assert scores["error_free"]["groups"]["*"]["translations"] == 20


def test_a_run_has_the_stages_it_asks_for() -> None:
    from parley.pipeline.stage import Stage
    from qe_model.stages import quality_stages

    class Other(Stage[int]):
        name = "other"

        def run(self, out, inputs):  # type: ignore[no-untyped-def]
            return {}

    for encoder, inputs in (("teacher", ["qe_data", "teacher"]), ("xlm-r", ["qe_data"])):
        config = QEConfig(True, QEModelConfig(encoder), training={"max_updates": 1})
        found = quality_stages(config, training(1), TrackingConfig(), Other(0), Other(1))
        assert [stage.name for stage in found.all] == ["other", "qe", "qe_evaluation"]
        assert [*found.model.inputs] == inputs
