"""Evidence on words, from text and from pieces; the stage; a model that reads it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from parley.corpus.store import write_corpus
from parley.languages.words import words_of
from parley.pipeline.errors import InputError
from qe_model.model.config import QEModelConfig
from qe_model.model.estimator import build_model
from qe_model.model.inputs import TextPieces
from qe_model.model.saving import input_encoder, load_quality_model, save_model
from qe_model.model.word_tables import stage
from qe_model.model.word_tables.evidence import FEATURES, carried, word_evidence
from qe_model.model.word_tables.piece_words import PieceWords
from qe_model.model.word_tables.stage import WordTablesStage
from qe_model.model.word_tables.tables import WordTables
from qe_model.model.word_tables.word_table import WordTable
from qe_model.scoring.prediction import predict
from tests.qe_model.tiny_qe import examples, make_world
from tests.training.toy_corpus import WORDS, cipher
from training.model.loading import load_model
from training.tokenizer import load_tokenizer

KNOWN, BEST, BACK, COPIED, UNSEEN = 0, 1, 5, 7, 8


@pytest.fixture(scope="module")
def tables() -> WordTables:
    """The cipher of the toy corpus."""
    draw = np.random.default_rng(1)
    texts = [" ".join(draw.choice(WORDS, 3)) for _ in range(300)]
    pairs = [(text, cipher(text, 5)) for text in texts]
    learnt = {
        "en-fr": WordTable.fit(pairs, iterations=20),
        "fr-en": WordTable.fit([pair[::-1] for pair in pairs], iterations=20),
    }
    return WordTables(learnt)


def evidence(
    tables: WordTables, source: str, target: str, pair: tuple[str, str] = ("en", "fr")
) -> tuple[np.ndarray, ...]:
    return list(tables.evidence(pair, (source, target), (words_of(source), words_of(target))))


def test_evidence_tells_right_words_from_wrong_ones(tables: WordTables) -> None:
    source, target = evidence(tables, "go now 42", f"{cipher('go', 5)} {cipher('door', 5)} 42 zzz")
    assert source.shape == (3, FEATURES)
    assert target.shape == (4, FEATURES)
    assert (target[:, KNOWN] == 1).all()
    assert target[0, BEST] > target[1, BEST] + 0.5
    assert target[0, BACK] > target[1, BACK] + 0.5
    assert target[:, COPIED].tolist() == [0, 0, 1, 0]
    assert target[:, UNSEEN].tolist() == [0, 0, 0, 1]
    assert source[0, BEST] > source[1, BEST] + 0.5  # "now" is not translated


def test_other_directions_and_empty_texts(tables: WordTables) -> None:
    source, target = evidence(tables, "go", "los", ("en", "de"))
    assert not source.any()
    assert not target.any()
    assert [side.shape[0] for side in evidence(tables, "", "lt")] == [0, 1]
    assert [side.shape[0] for side in evidence(tables, "go", "")] == [1, 0]


def test_evidence_is_carried_to_other_words(tables: WordTables) -> None:
    text = "lt stb"
    own = word_evidence(tables.tables["en-fr"], tables.tables["fr-en"], text, "go now")
    found = carried(own, text, [(0, 1), (0, 6), (2, 3)])
    assert found[0] == pytest.approx(own[0])
    assert found[1] == pytest.approx(own.mean(0), abs=1e-6)
    assert not found[2].any()


def test_pieces_are_read_as_the_text_that_they_spell(tables: WordTables, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make_world(tmp_path)["tokenizer"])
    words = PieceWords(tokenizer, tables)
    texts = "go now help", "lt stb mjqu"
    sides = [_pieces(tokenizer, text) for text in texts]
    source, target = words.evidence(("en", "fr"), *sides)
    expected = evidence(tables, *texts)
    assert source.evidence == pytest.approx(expected[0])
    assert target.evidence == pytest.approx(expected[1])


def _pieces(tokenizer: object, text: str) -> TextPieces:
    from qe_model.model.corruption import as_pieces, split_words, word_starts

    ids = np.array(tokenizer(text, add_special_tokens=False).input_ids)  # type: ignore[operator]
    return as_pieces(split_words(ids, word_starts(tokenizer)))  # type: ignore[arg-type]


def test_a_model_reads_it_and_comes_back_with_it(tables: WordTables, tmp_path: Path) -> None:
    world = make_world(tmp_path / "world")
    model = build_model(QEModelConfig(dropout=0.0), load_model(world["teacher"]), 1, word_tables=True).eval()
    with_it = input_encoder(model, load_tokenizer(world["teacher"]), tables)
    rows = examples(6)
    found = predict(model, with_it, rows)
    without = predict(model, input_encoder(model, load_tokenizer(world["teacher"])), rows)
    assert any(not np.allclose(a.target, b.target, atol=1e-4) for a, b in zip(found, without, strict=True))
    save_model(model, with_it, tmp_path / "model")
    again = predict(*load_quality_model(tmp_path / "model"), rows)
    assert all(np.allclose(a.target, b.target, atol=1e-5) for a, b in zip(found, again, strict=True))
    alone = [predict(model, with_it, [row])[0] for row in rows]
    assert all(np.allclose(a.target, b.target, atol=1e-4) for a, b in zip(found, alone, strict=True))


def _corpus(folder: Path) -> Path:
    columns = {"row_id": ["a", "b", "c"], "domain": ["x"] * 3, "split": ["train", "train", "test"]}
    texts = {"en": ["red key", "blue key", "red"], "fr": ["rouge clé", "bleu clé", "rouge"]}
    table = pa.table({**columns, "origin": ["human"] * 3, **texts})
    write_corpus(table, folder)
    return folder


def test_the_stage_learns_both_directions_from_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = _corpus(tmp_path / "corpus")
    monkeypatch.setattr(stage, "MIN_COUNT", 1)
    facts = WordTablesStage(("en-fr",)).run(tmp_path / "out", {"corpus": corpus})
    assert set(facts["entries"]) == {"en-fr", "fr-en"}
    found = WordTables.load(tmp_path / "out")
    assert found.tables["en-fr"].counts[found.tables["en-fr"].targets["rouge"]] == 1  # not the test row's
    for pair, message in (("en-de", "no de"), ("fr-de", "no de")):
        with pytest.raises(InputError, match=message):
            WordTablesStage((pair,)).run(tmp_path / f"none-{pair}", {"corpus": corpus})
    with pytest.raises(InputError, match="no word table here"):
        WordTables.load(corpus)


def test_a_killed_stage_learns_the_missing_tables_and_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, learn, learnt = _corpus(tmp_path / "corpus"), WordTable.fit, []

    def killed(*arguments, **more):  # type: ignore[no-untyped-def]
        learnt.append(1)
        if len(learnt) == 2:
            raise KeyboardInterrupt
        return learn(*arguments, **more)

    monkeypatch.setattr(WordTable, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        WordTablesStage(("en-fr",)).run(tmp_path / "cut", {"corpus": corpus})
    WordTablesStage(("en-fr",)).run(tmp_path / "cut", {"corpus": corpus})
    WordTablesStage(("en-fr",)).run(tmp_path / "whole", {"corpus": corpus})
    assert len(learnt) == 3 + 2
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "cut").iterdir())
    assert all((tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes() for name in names)
