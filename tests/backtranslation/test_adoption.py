"""Adoption: gains beyond chance, harm beyond chance, and noise that is neither."""

from pathlib import Path

import numpy as np
import pytest

from backtranslation.adoption import DevMessages, dev_messages, judge
from backtranslation.config import AdoptionConfig
from parley.languages.table import directions
from parley.pipeline.errors import InputError
from tests.training.toy_corpus import WORDS, make_inputs

CODES = ("en", "fr", "th", "ko", "pt", "de")
COUNT = 120
POOR = {"fr-th": 0.3, "th-fr": 0.3}  # share of wrong words in the pair of the round
BETTER = {"fr-th": 0.1, "th-fr": 0.1}
CONFIG = AdoptionConfig()
SEED = 1


@pytest.fixture(scope="module")
def messages() -> DevMessages:
    """The same messages in 30 directions."""
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(WORDS, 6)) for _ in range(COUNT)]
    names = [name for name in directions(CODES) for _ in texts]
    count = len(names) // COUNT
    return DevMessages(names, list(range(COUNT)) * count, texts * count, texts * count, COUNT)


def outputs(messages: DevMessages, share: float, seed: int, special: dict[str, float] | None = None) -> list[str]:
    """References in which a share of the words is wrong; `special` gives some directions a share of their own."""
    draw, found = np.random.default_rng(seed), []
    for name, text in zip(messages.direction, messages.reference, strict=True):
        wrong = (special or {}).get(name, share)
        found.append(" ".join("zzzz" if draw.random() < wrong else word for word in text.split()))
    return found


def test_a_gain_beyond_the_interval_is_adopted(messages: DevMessages) -> None:
    before = outputs(messages, 0.05, 1, POOR)
    after = outputs(messages, 0.05, 2, BETTER)
    verdict = judge(messages, before, before, after, ["th-fr"], CONFIG, SEED)
    assert verdict.adopted
    assert verdict.gain.delta_ci[0] > 0
    assert set(verdict.pairs) == {"fr-th"}
    assert verdict.pairs["fr-th"].delta == pytest.approx(verdict.gain.delta)
    assert verdict.others is not None
    assert abs(verdict.others.delta) < 0.5
    lost = [name for name, change in verdict.directions.items() if change.delta < -CONFIG.max_cost]
    assert len(lost) > 3, "by chance alone some directions lose more than is allowed"
    assert verdict.harmed == {}


@pytest.mark.parametrize(
    ("special", "rest", "reason"),
    [
        (POOR, 0.05, "no gain beyond the interval"),
        ({"fr-th": 0.5, "th-fr": 0.5}, 0.05, "no gain beyond the interval"),
        ({**BETTER, "en-de": 0.3}, 0.05, "1 other directions lose more than 0.5: en-de"),
        (BETTER, 0.06, "the mean of the other directions"),
    ],
)
def test_what_is_not_adopted(special: dict[str, float], rest: float, reason: str, messages: DevMessages) -> None:
    before = outputs(messages, 0.05, 1, POOR)
    verdict = judge(messages, before, before, outputs(messages, rest, 2, special), ["fr-th"], CONFIG, SEED)
    assert not verdict.adopted
    assert reason in verdict.reason
    always = AdoptionConfig(always=True)
    kept = judge(messages, before, before, outputs(messages, rest, 2, special), ["fr-th"], always, SEED)
    assert kept.adopted
    assert reason in kept.reason


def test_what_two_trainings_differ_by_in_any_case_harms_nobody(messages: DevMessages) -> None:
    names = [name for name in directions(CODES) if name not in POOR]
    jitter = dict(zip(names, np.random.default_rng(3).uniform(0.02, 0.18, len(names)).tolist(), strict=True))
    before = outputs(messages, 0.1, 1, POOR)
    verdict = judge(messages, before, before, outputs(messages, 0.1, 2, {**jitter, **BETTER}), ["fr-th"], CONFIG, SEED)
    assert sum(change.delta / change.error < -3.5 for change in verdict.directions.values()) > 1, "significant alone"
    assert verdict.harmed == {}
    worse = {**jitter, **BETTER, "en-de": 0.6}
    assert [*judge(messages, before, before, outputs(messages, 0.1, 2, worse), ["fr-th"], CONFIG, SEED).harmed] == [
        "en-de"
    ]


def test_the_control_is_what_a_round_is_held_against(messages: DevMessages) -> None:
    before, control = outputs(messages, 0.5, 1), outputs(messages, 0.1, 2)
    after = outputs(messages, 0.1, 3)
    assert judge(messages, before, before, after, ["fr-th"], CONFIG, SEED).adopted
    verdict = judge(messages, before, control, after, ["fr-th"], CONFIG, SEED)
    assert not verdict.adopted
    assert verdict.gain.before < verdict.gain.reference


def test_a_pair_without_dev_messages_is_named(messages: DevMessages) -> None:
    with pytest.raises(InputError, match="no dev message in any of tr-vi"):
        judge(messages, messages.source, messages.source, messages.source, ["vi-tr"], CONFIG, SEED)


def test_dev_messages_of_withheld_pairs_are_there(tmp_path: Path) -> None:
    corpus = make_inputs(tmp_path)["corpus"]
    found = dev_messages(corpus, 7, 1)
    assert {name: len(lines) for name, lines in found.lines().items()} == dict.fromkeys(
        directions(["en", "fr", "th"]), 7
    )
    assert dev_messages(corpus, 7, 1) == found
    assert dev_messages(corpus, 7, 2) != found
    whole = dev_messages(corpus, 0, 1)
    assert len(whole.row) == 6 * whole.rows
