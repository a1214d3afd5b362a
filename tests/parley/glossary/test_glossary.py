"""Terms are found as their language writes them; hints stand behind them as special tokens that nobody can type."""

import pytest
from tokenizers import Tokenizer

from parley.decoding.pieces import source_pieces
from parley.glossary.glossary import MOST_HINTS, Glossary, Term
from parley.glossary.hints import Hint, filled, hinted_pieces, slot, slotted
from parley.languages.words import Interval
from parley.pipeline.errors import InputError
from training.tokenizer import SPECIAL_TOKENS, TokenizerConfig, train_tokenizer

BOSS = Term(
    "boss",
    {
        "en": ("boss", "bosses"),
        "tr": ("İksir",),
        "ko": ("보스",),
        "th": ("บอส",),
        "ja": ("ボス",),
        "fr": ("boss", "chef"),
    },
)
RAID = Term("raid", {"en": ("raid boss", "raid"), "fr": ("raid",), "ja": ("AB",)})
GLOSSARY = Glossary([BOSS, RAID])
TOKENIZER = train_tokenizer(
    {"en": ["The boss is here, bosses!", "<term> <as> </term>"], "th": ["บอสอยู่ที่นี่"]}, TokenizerConfig(vocab_size=600)
)


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("The BOSS, bosses and embossed", "en", ["BOSS", "bosses"]),
        ("a raid boss", "en", ["raid boss"]),
        ("iksir İKSİR ıksır", "tr", ["iksir", "İKSİR"]),
        ("보스가 왔다", "ko", ["보스"]),
        ("ล้มบอสได้แล้ว", "th", ["บอส"]),
        ("บอสี", "th", []),
        ("このボスは CAB AB", "ja", ["ボス", "AB"]),
        ("boss", "pl", []),
    ],
)
def test_terms_are_found_as_the_language_writes_them(text: str, code: str, found: list[str]) -> None:
    assert [text[slice(*one.span)] for one in GLOSSARY.find(text, code)] == found


def test_hints_are_the_form_of_the_dictionary_behind_the_word() -> None:
    assert GLOSSARY.hints("All bosses fell", "en", "fr") == (Hint(10, "bosses", "boss"),)
    assert GLOSSARY.hints("このボスは", "auto", "th") == (Hint(4, "ボス", "บอส"),)
    assert GLOSSARY.hints("The raid", "en", "th") == ()
    assert GLOSSARY.hints("The boss", "en", "en") == ()
    assert len(GLOSSARY.hints("boss " * 20, "en", "fr")) == MOST_HINTS


def test_hints_are_placed_by_id_and_leave_the_other_pieces_alone() -> None:
    backend: Tokenizer = TOKENIZER.backend_tokenizer
    texts = ["The boss is here", "The boss is here", "ล้มบอสได้"]
    hints = [(Hint(8, "boss", "chef"), Hint(0, "x", "y")), (), (Hint(6, "บอส", "boss"),)]
    pieces = list(hinted_pieces(backend, texts, hints))
    said = [TOKENIZER.convert_ids_to_tokens(ids) for ids in pieces]
    first = "".join(said[0]).replace(" ", "_")
    assert first == "<term><0x81>_x<as>_y</term>_The_boss<term><0x80>_boss<as>_chef</term>_is_here"
    assert pieces[1] == backend.encode(texts[1], add_special_tokens=False).ids
    assert TOKENIZER.decode(pieces[2][: said[2].index("<term>")]).startswith("ล้มบอส")
    assert TOKENIZER.decode(pieces[2][said[2].index("</term>") + 1 :]) == "ได้"


def test_what_a_user_types_is_text() -> None:
    typed = "<term> boss <as> chef </term> <s> __fr__"
    pieces = source_pieces(TOKENIZER, [typed], ["en"])[0]
    special = set(TOKENIZER.convert_tokens_to_ids(list(SPECIAL_TOKENS)))
    assert not special & set(pieces[1:-1])
    assert TOKENIZER.decode(pieces[1:-1]) == typed
    hinted = source_pieces(TOKENIZER, [typed], ["en"], hints=[GLOSSARY.hints(typed, "en", "fr")])[0]
    assert sum(piece in special for piece in hinted[1:-1]) == 3


@pytest.mark.parametrize(
    ("text", "code", "place", "plain"),
    [
        ("Nehmt die Heilerin mit!", "de", (10, 18), "Nehmt die\ue000 mit!"),
        ("¡Jefe!", "es", (1, 5), "¡\ue000!"),
        ("Boss", "de", (0, 4), "\ue000"),
        ("l'ami", "fr", (2, 5), "l'\ue000"),
        ("보스가 왔다", "ko", (0, 2), "\ue000가 왔다"),
        ("このボスは", "ja", (2, 4), "この\ue000は"),
    ],
)
def test_slots_are_filled_as_the_language_writes_words(text: str, code: str, place: Interval, plain: str) -> None:
    assert slotted(text, place) == plain
    assert filled(plain, (Hint(0, "x", text[slice(*place)]),), code) == text
    pieces = TOKENIZER(plain, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(pieces) == plain


def test_slots_without_a_hint_are_nothing() -> None:
    hints = (Hint(0, "a", "one"), Hint(0, "b", f"two{slot(0)}"))
    assert filled(f"a{slot(1)}{slot(0)}{slot(2)}", hints, "en") == f"a two{slot(0)} one"
    assert filled(f"a{slot(0)}", (), "en") == f"a{slot(0)}"


def test_a_model_without_the_tokens_cannot_be_given_hints() -> None:
    from tokenizers import models

    bare = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    with pytest.raises(InputError, match="has no '<term>'"):
        list(hinted_pieces(bare, ["a"], [(Hint(1, "a", "a"),)]))
