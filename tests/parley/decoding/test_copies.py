"""What must be copied stands in the translation as in the source, whatever the model wrote."""

import pytest

from parley.decoding.copies import with_copies


@pytest.mark.parametrize(
    ("source", "said", "right"),
    [
        ("gg @boxi563", "bien joué @xi565", "bien joué @boxi563"),
        ("@ana and @bob, go", "@ana et @bib, allez", "@ana et @bob, allez"),
        ("@ana @bob go", "@bob @ana allez", "@bob @ana allez"),
        ("see https://hufi.org/wiki now", "vois ça", "vois ça https://hufi.org/wiki"),
        ("#Ruli, go!", "allez !", "#Ruli allez !"),
        ("{mivede} won", "{dede} a gagné", "{mivede} a gagné"),
        ("###### you", "######## toi", "###### toi"),
        ("快走😭", "go 😂", "go 😭"),
        ("go", "va @xi =p 😂", "va @xi =p 😂"),
        ("go at 5 pm", "va à 17 h", "va à 17 h"),
        ("go", "va", "va"),
        ("@ana", "", ""),
        ("", "va", "va"),
    ],
)
def test_spans_are_put_right(source: str, said: str, right: str) -> None:
    assert with_copies(source, said) == right
    assert with_copies(source, right) == right
