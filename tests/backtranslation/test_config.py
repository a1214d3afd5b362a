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
    MixingConfig,
    MonolingualConfig,
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
        (lambda: FilterConfig(drop_quantile=1.5), "drop_quantile=1.5: must lie in 0 to 1"),
        (lambda: FilterConfig(max_length_ratio=0.5), "max_length_ratio=0.5: must be above 1"),
        (lambda: FilterConfig(bins=[70.0, 40.0]), "two rising chrF scores"),
        (lambda: FilterConfig(copies_allowed=["zh-zh"]), "'zh-zh' is not a direction"),
        (lambda: MixingConfig(ratio=-1), "ratio=-1: must be 0 or more"),
        (lambda: MixingConfig(tag="maybe"), "tag=maybe: choose one of none, bt, bins"),
        (lambda: MixingConfig(pair_caps={"fr-th": -1}), "pair_caps.fr-th=-1: must be 0 or more"),
        (lambda: GenerationConfig(shard_size=0), "shard_size=0: must be 1 or more"),
        (lambda: GenerationConfig(temperature=0), "temperature must be above 0"),
        (lambda: GenerationConfig(precision="int4"), "precision=int4: choose one of"),
        (lambda: GenerationConfig(device="tpu"), "device=tpu: choose auto or cpu"),
        (lambda: MonolingualConfig(corpus=False), "corpus=false needs files"),
        (lambda: MonolingualConfig(min_chars=9, max_chars=3), "min_chars <= max_chars"),
        (lambda: TextFile("xx", "a.txt"), "unknown language code 'xx'"),
        (lambda: TextFile("th", ""), "th file has no path"),
        (lambda: AdoptionConfig(max_cost=-0.1), "max_cost=-0.1"),
        (lambda: AdoptionConfig(bootstrap_samples=5), "bootstrap_samples=5: must be 100 or more"),
    ],
)
def test_wrong_settings_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_filter_and_mixing_do_not_change_what_is_generated() -> None:
    config = BacktranslationConfig(pairs=["th-fr"])
    other = replace(
        config, filter=FilterConfig(accept="all"), mixing=MixingConfig(ratio=4), rare_under=5, pivot_min_rows=7
    )
    assert config.generated(1) == other.generated(1) != config.generated(2)
    assert replace(config, pairs=["fr-th"]).generated(1) == config.generated(1)
    assert replace(config, seed=2).generated(1) != config.generated(1)


def test_a_pair_has_one_name() -> None:
    assert pair_name("th", "fr") == pair_name("fr", "th") == "fr-th"
    assert pair_name("zh-Hant", "zh-Hans") == "zh-Hans-zh-Hant"
