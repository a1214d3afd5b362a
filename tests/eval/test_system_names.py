"""Which systems belong together, by their names."""

import pytest

from eval.system_names import shipped, telling_pairs


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        (["student_int8", "nllb", "teacher", "student"], ["teacher>student", "student>student_int8", "teacher>nllb"]),
        (["teacher", "student", "student_no_kd"], ["teacher>student", "student_no_kd>student"]),
        (["student_no_kd", "other"], ["student_no_kd>other"]),  # a control without what it controls is any system
        (["a", "b"], ["a>b"]),
        (["a"], []),
        ([], []),
    ],
)
def test_pairs_that_tell_something(systems: list[str], expected: list[str]) -> None:
    assert [f"{a}>{b}" for a, b in telling_pairs(systems)] == expected


def test_the_last_step_of_the_chain_is_shipped() -> None:
    assert shipped(["teacher", "nllb", "student_int8", "student"]) == "student_int8"
    assert shipped(["nllb", "other"]) == "nllb"
    assert shipped([]) == ""
