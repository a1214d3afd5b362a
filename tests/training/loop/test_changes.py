"""Further trainings of a run: what they change, and what they take from the run's `training`."""

import pytest

from parley.pipeline.errors import InputError
from training.loop.config import TrainingConfig, changed

FIRST = TrainingConfig(max_minutes=25.0, learning_rate=4e-3, warmup_updates=500, optimizer="muon", seed=3)


def test_what_is_not_told_is_as_in_the_first_training() -> None:
    found = changed(FIRST, "student", {"max_updates": 10, "learning_rate": 2e-3})
    assert (found.max_updates, found.max_minutes, found.learning_rate) == (10, 0.0, 2e-3)
    assert (found.warmup_updates, found.optimizer, found.seed, found.schedule) == (500, "muon", 3, "wsd")


def test_zero_is_a_value_of_its_own() -> None:
    assert changed(FIRST, "student", {"max_updates": 10, "validate_every": 0}).validate_every == 0


def test_a_further_training_has_a_budget_of_its_own() -> None:
    with pytest.raises(InputError, match="needs a budget"):
        changed(FIRST, "student", {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_update": 10}, "unknown key 'student.max_update'; did you mean student.max_updates"),
        ({"max_updates": "many"}, "student.max_updates: .*many"),
    ],
)
def test_a_mistake_is_named_with_its_key(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        changed(FIRST, "student", changes)
