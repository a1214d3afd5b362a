"""Scores by message: aligned with the outputs, sacrebleu's figures."""

import numpy as np
import pyarrow as pa
from sacrebleu.metrics.chrf import CHRF

from eval.scoring.message_scores import score_messages, statistics_of
from eval.testsets.outputs import translate_directions
from eval.testsets.perturbations import AUTO_SOURCE
from parley.metrics.registry import METRICS
from tests.eval.examples import NeverOffTarget, Phrasebook, testset

DATA = testset()
ROWS = {direction: DATA.rows(direction) for direction in DATA.directions()}


def outputs() -> pa.Table:
    """Two systems, lines shuffled, so that the order of groups is not the order of lines."""
    told = translate_directions(Phrasebook(DATA), "told", DATA, ROWS).table
    guessed = translate_directions(Phrasebook(DATA), "guessed", DATA, ROWS, AUTO_SOURCE).table
    both = pa.concat_tables([told, guessed])
    return both.take(np.random.default_rng(1).permutation(len(both)))


def test_every_line_has_the_score_of_its_own_output() -> None:
    table = outputs()
    scores = score_messages(table, NeverOffTarget())
    for name in ("pair", "system", "row_id"):
        assert scores[name] == table[name]
    for output, line in zip(table.to_pylist(), scores.to_pylist(), strict=True):
        expected = CHRF().sentence_score(output["hypothesis"], [output["reference"]]).score
        assert line["chrf"] == np.float32(expected)
        assert line["off_target"] is False
    widths = {"chrf": 18, "chrfpp": 24, "bleu": 10}
    assert {name: statistics_of(scores, METRICS[name]).shape for name in widths} == {
        name: (len(table), width) for name, width in widths.items()
    }


def test_no_detector_and_no_outputs() -> None:
    table = outputs()
    assert score_messages(table, None)["off_target"].null_count == len(table)
    assert score_messages(table.slice(0, 0), None).num_rows == 0
