"""The card of a promoted model, README.md in its folder, in the format of the Hugging Face Hub.

It is no part of what the stage wrote: the manifest's digests leave it out, and a promotion or rollback writes it anew.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eval.evidence import REPORT
from eval.gates.promotions import Promotion
from eval.report.contents import read_json
from eval.report.pages.environment import bounds, render
from eval.scoring.shown_metrics import shown_metrics
from parley.pipeline.atomic import write_text
from parley.pipeline.manifest import Manifest, read_manifest

CARD: Final = "README.md"
SYSTEMS: Final = {"teacher": ("teacher",), "student": ("student", "student_int8"), "qe": ()}  # of the report, by model
TASKS: Final = {"qe": "token-classification"}  # of the Hub; the others translate
_WORST: Final = 5  # directions named as limits
Report = Mapping[str, Any]
Figure = dict[str, Any]


def write_cards(run_dir: Path, promotion: Promotion, gates: Sequence[Mapping[str, Any]]) -> None:
    """Write the card of every model of a promotion into its folder, each whole or not at all.

    Args:
        gates: key `gates` of report.json, as they were judged.
    """
    report = read_json(run_dir / "report" / promotion.report / REPORT)
    for kind, stage in promotion.models.items():
        folder = run_dir / stage / promotion.stages[stage]
        write_text(folder / CARD, model_card(kind, read_manifest(folder), run_dir, promotion, report, gates))


def model_card(
    kind: str,
    manifest: Manifest,
    run_dir: Path,
    promotion: Promotion,
    report: Report,
    gates: Sequence[Mapping[str, Any]],
) -> str:
    """The card as Markdown with metadata.

    Args:
        kind: `teacher`, `student` or `qe`.
        manifest: of the model's stage.
    """
    figures = _agreement(report) if kind == "qe" else _translation(report, SYSTEMS[kind])
    licences = _licences(kind, run_dir, promotion, report)
    languages = list(report.get("data", {}).get("languages", {}))
    context = {
        "kind": kind,
        "name": f"{run_dir.name} {kind}",
        "manifest": manifest,
        "promotion": promotion,
        "gates": gates,
        "figures": figures,
        "codes": languages,
        "licences": licences,
        "data": report.get("data", {}),
        "size": next((report["systems"][s] for s in SYSTEMS[kind] if s in report.get("systems", {})), {}),
        "worst": _worst(report, SYSTEMS[kind]),
        "means": {system: report["mean"][system] for system in SYSTEMS[kind] if system in report.get("mean", {})},
    }
    metadata = _metadata(context, report)
    return f"---\n{metadata}\n---\n\n{render('model_card.md', context)}"


def _metadata(context: Mapping[str, Any], report: Report) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    task = TASKS.get(context["kind"], "translation")
    data = report.get("data", {})
    tested = (task, context["promotion"].name or "run", f"test split of {context['promotion'].name}")
    results = [
        EvalResult(
            *tested,
            metric_type=each["metric"],
            metric_value=each["value"],
            metric_name=f"{each['label']}, {each['of']}" + (f" (95 %: {bounds(each['ci'], 3)})" if each["ci"] else ""),
            dataset_split="test",
            dataset_revision=data.get("digest", "")[:16] or None,
        )
        for each in context["figures"]
    ]
    stated = set(context["licences"].values())
    one = next(iter(stated)).lower() if len(stated) == 1 else ""
    sources = report["run"].get("configs", {}).get("corpus", {}).get("sources", {}).values()
    return ModelCardData(
        language=sorted({code.partition("-")[0] for code in context["codes"]}) or None,
        license=one or "other",
        license_name=None if one else "licences-of-the-data",
        datasets=sorted({each["path"] for each in sources if each.get("format") == "hub"}) or None,
        library_name="transformers",
        pipeline_tag=task,
        tags=["parley", context["kind"]],
        metrics=sorted({each["metric"] for each in context["figures"]}) or None,
        model_name=context["name"],
        eval_results=results or None,
    ).to_yaml()


def _translation(report: Report, systems: Sequence[str]) -> list[Figure]:
    """Means over the directions of the systems that a model is evaluated as."""
    found = []
    for system in systems:
        mean = report.get("mean", {}).get(system, {})
        of = f"{system}, mean of {mean.get('directions')} directions"
        told = [(each["name"], each["label"]) for each in shown_metrics(report) if each["name"] in mean]
        found += [_figure(mean, metric, label, of) for metric, label in told]
    return found


def _agreement(report: Report) -> list[Figure]:
    """Agreement of quality estimation with annotations: of made errors, and of people by direction."""
    qe = report.get("qe", {})
    parts = {"synthetic errors": qe["synthetic"]} if "synthetic" in qe else {}
    parts |= {f"people, {direction}": values for direction, values in qe.get("human", {}).items()}
    return [
        _figure(values, metric, metric.replace("_", " "), of)
        for of, values in parts.items()
        for metric in values
        if f"{metric}_ci" in values
    ]


def _figure(values: Mapping[str, Any], metric: str, label: str, of: str) -> Figure:
    return {"metric": metric, "label": label, "of": of, "value": values[metric], "ci": values.get(f"{metric}_ci")}


def _worst(report: Report, systems: Sequence[str]) -> list[tuple[str, float, Any]]:
    """The directions with the lowest scores of what a model ships as."""
    lead, system = (
        shown_metrics(report)[0]["name"],
        next((s for s in reversed(systems) if s in report.get("mean", {})), ""),
    )
    scored = {name: entry["systems"].get(system, {}) for name, entry in report.get("pairs", {}).items()}
    found = [(name, each[lead], each.get(f"{lead}_ci")) for name, each in scored.items() if lead in each]
    return sorted(found, key=lambda each: each[1])[:_WORST]


def _licences(kind: str, run_dir: Path, promotion: Promotion, report: Report) -> dict[str, str]:
    """Licence of each source of data, as stated there, or empty; of quality estimation the annotations' too."""
    found = {name: each.get("licence", "") for name, each in report.get("data", {}).get("sources", {}).items()}
    if kind == "qe" and "qe_data" in promotion.stages:
        facts = read_manifest(run_dir / "qe_data" / promotion.stages["qe_data"]).facts
        found |= facts.get("licences", {})
    return found
