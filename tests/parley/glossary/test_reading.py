"""A glossary file is read whole, or refused in one line that says what is wrong with it."""

from pathlib import Path

import pytest

from parley.corpus.sources.glossary import DEMO
from parley.glossary.reading import read_glossary
from parley.glossary.rows import glossary_of, term_rows
from parley.pipeline.errors import InputError

REAL = Path(__file__).resolve().parents[3].parent / "shared/data/glossary/game_terms.csv"
HEADER = "term_id,en,de,ru,variants,part_of_speech,definition,first_seen,source"
LOOT = "loot,loot,Beute,добыча,en:looot|l00t;de:Beuten,noun,what enemies leave,2026-11,forum"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "terms.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_forms_are_the_column_then_variants(tmp_path: Path) -> None:
    glossary = read_glossary(write(tmp_path, HEADER, LOOT))
    assert glossary.languages == ["en", "de", "ru"]
    assert dict(glossary.terms[0].forms) == {
        "en": ("loot", "looot", "l00t"),
        "de": ("Beute", "Beuten"),
        "ru": ("добыча",),
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER,), "a glossary without terms"),
        (("en,de", "loot,Beute"), "no column term_id"),
        (("term_id,en", "loot,loot"), "columns of two languages or more"),
        (("term_id,en,de,loot", "loot,loot,Beute,x"), "unknown column 'loot'"),
        ((HEADER, LOOT, LOOT), "line 3: term_id 'loot' stands twice"),
        ((HEADER, LOOT, LOOT.replace("loot,loot", "spoils,Loot")), "the term 'loot' (en) stands already in"),
        ((HEADER, ",loot,Beute,,,,,,"), "line 2: no term_id"),
        ((HEADER, "loot,loot,,,,,,,"), "line 2: term 'loot' has text in fewer than two languages"),
        ((HEADER, "loot,loot,Beute,,ru:x,,,,"), "a variant in 'ru', where term 'loot' has no text"),
        ((HEADER, "loot,loot,Beute,,looot,,,,"), "variants 'looot': write en:one|another;de:eins"),
        ((HEADER, "loot,loot,добыча,,,,,,"), "de 'добыча': letters that 'de' is not written in"),
        ((HEADER, "loot,ルート,Beute,,,,,,"), "en 'ルート': letters that 'en' is not written in"),
        ((HEADER, f"loot,{'loot ' * 20},Beute,,,,,,"), "longer than 60 characters: a message, not a term"),
        ((HEADER, "loot,<term>loot,Beute,,,,,,"), "markup in a term"),
        ((HEADER, "loot,loot,Beute {0},,,,,,"), "markup in a term"),
        ((HEADER, "loot,loot,!!,,,,,,"), "no letter or digit"),
        ((HEADER, "loot,loot"), "line 2 has 2 fields"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(lines: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_glossary(write(tmp_path, *lines))
    assert message in str(error.value)
    assert str(tmp_path / "terms.csv") in str(error.value)
    assert "\n" not in str(error.value)


def test_names_are_latin_in_every_script_and_empty_cells_are_fine(tmp_path: Path) -> None:
    glossary = read_glossary(write(tmp_path, HEADER, "npc,NPC,,NPC,,,,,"))
    assert dict(glossary.terms[0].forms) == {"en": ("NPC",), "ru": ("NPC",)}


def test_a_language_that_it_lacks_is_said(tmp_path: Path) -> None:
    glossary = read_glossary(write(tmp_path, HEADER, LOOT))
    glossary.check("en", "ru")
    with pytest.raises(InputError, match="no terms in 'th'; it has en de ru"):
        glossary.check("en", "th")


@pytest.mark.parametrize("path", [DEMO, pytest.param(REAL, marks=pytest.mark.skipif(not REAL.exists(), reason="none"))])
def test_rows_of_a_corpus_give_the_glossary_back(path: Path) -> None:
    glossary = read_glossary(path)
    rows = ((str(row["row_id"]), {code: row.get(code) for code in glossary.languages}) for row in term_rows(glossary))
    again = {term.key: dict(term.forms) for term in glossary_of(rows).terms}
    assert again == {term.key: dict(term.forms) for term in glossary.terms}
