"""Splits by document."""

from dataclasses import replace

from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.annotations.splits import assign_splits, straddling

LONG = "A sentence that is long enough to be no formula, number {}."


def rows(count: int = 400) -> list[AnnotatedTranslation]:
    return [
        AnnotatedTranslation(str(i), f"doc{i // 4}", "s", "en", "de", LONG.format(i), f"Satz {i}") for i in range(count)
    ]


def test_documents_stay_together_and_shares_hold() -> None:
    found = assign_splits(rows())
    assert straddling(found) == []
    share = sum(one.split == "test" for one in found) / len(found)
    assert 0.05 < share < 0.15
    assert {one.split for one in found} == {"train", "dev", "test"}


def test_new_documents_do_not_move_old_ones() -> None:
    old = {one.id: one.split for one in assign_splits(rows(200))}
    assert all(old.get(one.id, one.split) == one.split for one in assign_splits(rows(400)))


def test_shared_sentences_join_documents_but_formulas_do_not() -> None:
    twins = [replace(one, source=LONG) for one in rows(400)]
    assert len({one.split for one in assign_splits(twins)}) == 1
    formulas = [replace(one, source="Thank you!") for one in rows(400)]
    assert len({one.split for one in assign_splits(formulas)}) == 3
    chinese = [replace(one, source="这句话有十二个汉字那么长。", source_lang="zh-Hans") for one in rows(400)]
    assert len({one.split for one in assign_splits(chinese)}) == 1


def test_published_splits_stay() -> None:
    first, *rest = rows(8)
    found = assign_splits([replace(first, split="test"), *rest])
    assert [one.split for one in found[:4]] == ["test"] * 4
    cut = assign_splits([replace(first, split="test"), replace(rest[0], split="train"), rest[1]])
    assert [one.split for one in cut] == ["test", "train", "test"]
    assert straddling(cut) == ["en doc0"]
