"""What report.json says of back-translation: the gain on test messages, and the rounds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow.parquet as pq

from backtranslation.config import pair_name
from backtranslation.round_folder import read_round
from parley.languages.table import pair
from parley.metrics.chrf import chrf_statistics
from parley.metrics.registry import METRICS
from parley.metrics.significance import Bootstrap, Floats, interval
from parley.pipeline.atomic import write_json
from parley.pipeline.errors import InputError
from parley.pipeline.stage import Stage

REPORT: Final = "backtranslation.json"
OUTPUTS: Final = "outputs.parquet"  # of an evaluation: pair, row_id, hypothesis, reference


@dataclass(frozen=True)
class BacktranslationReportConfig:
    """How the gain is tested.

    Attributes:
        bootstrap_samples: samples behind the confidence intervals.
        seed: of the bootstrap.
    """

    bootstrap_samples: int = 1000
    seed: int = 1


class BacktranslationReportStage(Stage[BacktranslationReportConfig]):
    """Gathers key `backtranslation` of report.json into backtranslation.json.

    Inputs: `round_<k>`, and `with` and `without`, the evaluations of the final model and of the one without
    back-translation, where there is a control.
    """

    name = "backtranslation"
    published: ClassVar[tuple[str, ...]] = (REPORT,)

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Write backtranslation.json; the facts are its means.

        Raises:
            InputError: an input without its files, or evaluations without common messages.
        """
        report = backtranslation_report(inputs, self.config.bootstrap_samples, self.config.seed)
        write_json(out / REPORT, report)
        return {key: report[key] for key in ("adopted", "mean", "others") if key in report}


def backtranslation_report(folders: Mapping[str, Path], samples: int = 1000, seed: int = 1) -> dict[str, Any]:
    """Key `backtranslation` of report.json.

    Args:
        folders: `round_1`, `round_2`, ...; `with` and `without`: finished evaluations of the same messages.

    Returns:
        `rounds`: round.json of each round; `adopted`: how many were; `pairs`: direction of the rounds -> `without`,
        `with`, `delta`, `delta_ci` on the evaluated messages (empty without a control); then also `mean` over these
        directions and `others` over all other ones.

    Raises:
        InputError: a folder without its files, or evaluations without common messages.
    """
    names = sorted((name for name in folders if name.startswith("round_")), key=lambda name: int(name[6:]))
    rounds = [read_round(folders[name]) for name in names]
    report: dict[str, Any] = {"pairs": {}, "rounds": rounds, "adopted": sum(each["adopted"] for each in rounds)}
    if "with" in folders and "without" in folders:
        wanted = {name for each in rounds for name in each.get("pairs", {})}
        report |= _gains(folders["without"], folders["with"], wanted, samples, seed)
    return report


def _gains(without: Path, with_rounds: Path, pairs: set[str], samples: int, seed: int) -> dict[str, Any]:
    lines = _read(without), _read(with_rounds)
    common = lines[0].keys() & lines[1].keys()
    if not common:
        raise InputError(f"{without} and {with_rounds}: no message was translated by both models")
    row_ids = sorted({row_id for _, row_id in common})
    place = {row_id: number for number, row_id in enumerate(row_ids)}
    bootstrap = Bootstrap(len(row_ids), samples, seed)
    keys: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in sorted(common):
        keys[key[0]].append(key)
    chrf = METRICS["chrf"]
    points: dict[str, tuple[float, float]] = {}
    drawn: dict[str, Floats] = {}
    for name, mine in keys.items():
        counts = [chrf_statistics(*zip(*(side[key] for key in mine), strict=True)) for side in lines]
        rows = [place[row_id] for _, row_id in mine]
        target = pair(name)[1]
        points[name] = (chrf.score(counts[0].sum(0), target), chrf.score(counts[1].sum(0), target))
        sums = [chrf.scores(bootstrap.sums(each, rows)) for each in counts]
        drawn[name] = sums[1] - sums[0]
    ours = [name for name in keys if pair_name(*pair(name)) in pairs]
    groups = {"mean": ours, "others": [name for name in keys if name not in ours]}
    told = {group: _gain(points, drawn, names) for group, names in groups.items() if names}
    return {"pairs": {name: _gain(points, drawn, [name]) for name in ours}, **told}


def _gain(
    points: Mapping[str, tuple[float, float]], drawn: Mapping[str, Floats], names: Sequence[str]
) -> dict[str, Any]:
    before, after = (float(np.mean([points[name][side] for name in names])) for side in (0, 1))
    stacked = np.stack([drawn[name] for name in names])
    spread = interval(np.nanmean(stacked[:, ~np.isnan(stacked).all(0)], axis=0))
    told = {"without": before, "with": after, "delta": after - before, "delta_ci": list(spread)}
    return told | ({"directions": len(names)} if len(names) > 1 else {})


def _read(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """(direction, row) -> hypothesis and reference."""
    try:
        table = pq.read_table(folder / OUTPUTS, columns=["pair", "row_id", "hypothesis", "reference"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder / OUTPUTS}: not the outputs of an evaluation ({error})") from error
    columns = [table[name].to_pylist() for name in table.column_names]
    return {(name, row): (hypothesis, reference) for name, row, hypothesis, reference in zip(*columns, strict=True)}
