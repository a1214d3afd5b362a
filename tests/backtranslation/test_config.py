"""Wrong settings are one clear line; only what decides the candidates is in the fingerprint of generation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backtranslation.config import (
    AdoptionConfig,
    BacktranslationConfig,
    FilterConfig,
    GenerationConfig,
    TextFile,
    pair_name,
)
from parley.pipeline.errors import InputError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BacktranslationConfig(rounds=-1), "rounds=-1: must be 0 or more"),
        (lambda: BacktranslationConfig(pairs=["fr_th"]), "'fr_th' is not a direction"),
        (lambda: BacktranslationConfig(uses=["back", "sideways"]), "unknown use 'sideways'; choose from back"),
        (lambda: BacktranslationConfig(uses=[]), "at most once, one at least"),
        (lambda: BacktranslationConfig(uses=["back", "back"]), "at most once"),
        (lambda: BacktranslationConfig(candidates=0), "candidates=0: must be 1 or more"),
        (lambda: FilterConfig(accept="some"), "accept=some: choose one of filter, all, random"),
        (lambda: FilterConfig(min_chrf=120), "min_chrf=120: must lie in 0 to 100"),
        (lambda: BacktranslationConfig(ratio=-1), "backtranslation.ratio=-1: must be 0 or more"),
        (lambda: GenerationConfig(beam_size=0), "beam_size=0: must be 1 or more"),
        (lambda: TextFile("xx", "a.txt"), "unknown language code 'xx'"),
        (lambda: TextFile("th", ""), "th file has no path"),
        (lambda: AdoptionConfig(max_cost=-0.1), "max_cost=-0.1"),
    ],
)
def test_wrong_settings_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_one_name_for_a_pair_is_one_selection() -> None:
    config = BacktranslationConfig(pairs=["th-fr"])
    assert config.selection(1) == replace(config, rare_under=5).selection(1) != config.selection(2)
    assert replace(config, pairs=["fr-th"]).selection(1) == config.selection(1)
    assert replace(config, seed=2).selection(1) != config.selection(1)


def test_a_pair_has_one_name() -> None:
    assert pair_name("th", "fr") == pair_name("fr", "th") == "fr-th"
    assert pair_name("zh-Hant", "zh-Hans") == "zh-Hans-zh-Hant"
