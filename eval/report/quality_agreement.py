"""How the model of quality estimation agrees with annotations: key `qe` of report.json."""

from typing import Any, Final

Report = dict[str, Any]
AGREEMENT: Final = ("mcc", "f1_bad", "severity_macro_f1", "span_f1", "gap_mcc", "spearman", "pairwise_accuracy")


def quality_agreement(scores: Report) -> Report:
    """The key from the `qe_scores.json` of its evaluation.

    `synthetic` is over all directions, `human` by direction beside the MCC of each baseline; `mcc_ci` and the like are
    95 % intervals. `context`, `damage` and `error_free` are handed on.
    """
    baselines = scores.get("baselines", {})
    human = {
        direction: _agreement(found)
        | {"baselines": {name: each["mcc"]["value"] for name, each in baselines.get(direction, {}).items()}}
        for direction, found in scores.get("human", {}).items()
    }
    report: Report = {"human": human} if human else {}
    if "synthetic_all" in scores:
        report["synthetic"] = _agreement(scores["synthetic_all"])
    return report | {key: scores[key] for key in ("context", "damage", "error_free") if key in scores}


def _agreement(found: Report) -> Report:
    flat: Report = {}
    for key, estimate in (found | found.get("sentence", {})).items():
        if key in AGREEMENT:
            flat |= {key: estimate["value"], f"{key}_ci": estimate["ci"]}
    return flat
