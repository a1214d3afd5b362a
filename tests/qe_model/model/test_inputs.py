from pathlib import Path

import numpy as np
import pytest

from parley.languages.words import words_of
from qe_model.annotations.annotation import ContextMessage
from qe_model.model.collate import collate
from qe_model.model.inputs import InputEncoder
from training.tokenizer import TokenizerConfig, load_tokenizer, train_tokenizer

TEXTS = {
    "en": ["go now, red team!", "help me 42 times", "naïve café"] * 20,
    "th": ["ไปกันเถอะ", "ช่วยด้วย"] * 20,
    "zh-Hans": ["快跑，红队！", "救命啊"] * 20,
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> InputEncoder:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(TEXTS, TokenizerConfig(vocab_size=480)).save_pretrained(str(folder))
    return InputEncoder(load_tokenizer(folder), max_length=40, context_length=12)


@pytest.mark.parametrize(
    "text", ["go now, red team!", "ไปกันเถอะ", "快跑，红队！", "🎮 ok 👍🏽", "x" * 30, " spaced  out "]
)
def test_every_word_has_its_pieces(encoder: InputEncoder, text: str) -> None:
    words = words_of(text)
    pieces = encoder.pieces([text], [words])[0]
    assert pieces.words == len(words)
    assert (pieces.first <= pieces.last).all()
    for (start, end), first, last in zip(words, pieces.first, pieces.last, strict=True):
        shown = str(encoder.tokenizer.decode(pieces.ids[first : last + 1].tolist()))
        assert text[start:end] in shown or shown.strip() in text  # or the word is in one piece with its neighbours


def joint(encoder: InputEncoder, source: str, target: str, context: tuple[ContextMessage, ...] = ()):  # type: ignore[no-untyped-def]
    first, second = (encoder.pieces([text], [words_of(text)])[0] for text in (source, target))
    return list(encoder.windows(("en", "th"), first, second, encoder.context([context])[0], "mqm"))


def test_a_short_message_is_one_window_with_all_its_words(encoder: InputEncoder) -> None:
    [(one, target, source)] = joint(encoder, "go now", "ไปกัน")
    assert (target.start, target.stop) == (0, len(words_of("ไปกัน")))
    assert (source.start, source.stop) == (0, 2)
    assert one.length == collate([one], encoder, 1).input_ids.shape[1]


def test_windows_hold_every_word_once_and_stay_short(encoder: InputEncoder) -> None:
    source, target = "go now, red team! " * 40, "ไปกันเถอะ " * 60
    windows = joint(encoder, source, target)
    assert len(windows) > 5
    for side, text in ((1, target), (2, source)):
        places = [place for window in windows for place in range(window[side].start, window[side].stop)]
        assert places == list(range(len(words_of(text))))
    assert max(len(one.target.ids) + len(one.source.ids) for one, _, _ in windows) <= 2 * encoder.max_length


def test_one_endless_word_is_cut_but_kept(encoder: InputEncoder) -> None:
    windows = joint(encoder, "go", "x" * 5000)
    assert sum(one.target.words for one, _, _ in windows) == 1
    assert max(len(one.target.ids) for one, _, _ in windows) <= encoder.max_length


@pytest.mark.parametrize(("source", "target"), [("", ""), ("go", ""), ("", "ไป"), ("   ", "?")])
def test_empty_sides_make_a_batch(encoder: InputEncoder, source: str, target: str) -> None:
    batch = collate([joint(encoder, source, target)[0][0]], encoder, 1)
    assert batch.gap_sides.shape[1] == len(words_of(target)) + 1
    assert batch.target_tokens == max(1, len(words_of(target)))


def test_the_newest_context_is_kept(encoder: InputEncoder) -> None:
    old, new = ContextMessage("help me 42 times", "x"), ContextMessage("go now", "ไป")
    context, translations = encoder.context([(old, new)])[0]
    assert len(context) <= 6
    assert len(translations) <= 6
    ids = encoder.pieces(["go now"], [words_of("go now")])[0].ids
    assert np.array_equal(context[-1 - len(ids) : -1], ids)
    assert context[-1] == encoder.end_id


def test_positions_begin_anew_and_segments_tell_texts_apart(encoder: InputEncoder) -> None:
    [(one, _, _)] = joint(encoder, "go now", "ไป", (ContextMessage("help"),))
    batch = collate([one], encoder, 1)
    segments, positions = batch.segment_ids[0], batch.position_ids[0]
    assert segments.unique().tolist() == [1, 2, 3]
    for segment in (1, 2, 3):
        assert positions[segments == segment].tolist() == list(range(int((segments == segment).sum())))
    assert batch.input_ids[0, 0] == encoder.tag_ids["th"]
    assert batch.input_ids[0, int((segments == 1).sum())] == encoder.tag_ids["en"]
