"""Which layers lose most when quantized: outliers among the relative errors of the layers' outputs.

Reads `quantization.<system>.layers` of the report: a list of {"name", "error"}, as exports write it, or layer -> error.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from eval.analyzers.finding import Finding, figure, listed
from eval.analyzers.question import Question
from eval.analyzers.registry import analyzer

OUTLIER: Final = 3.0  # times the median layer's error
MIN_ERROR: Final = 0.02


@analyzer("quantization", "gap", "loss", "level")
def quantization(question: Question) -> list[Finding]:
    """The outlier layers of the quantized system, or a worse error of all layers than before."""
    now = layer_errors(question.after.report, question.after.system)
    before = question.before
    then = (
        layer_errors(before.report, before.system) if before and before.evidence is not question.after.evidence else {}
    )
    if not now:
        return []
    middle = float(np.median(list(now.values())))
    outliers = sorted((n for n in now if now[n] > max(MIN_ERROR, OUTLIER * middle)), key=lambda name: -now[name])
    if then:  # a layer that was as bad before does not explain a loss since
        outliers = [name for name in outliers if now[name] > 1.5 * then.get(name, 0.0)]
    if not outliers:
        return []
    total = sum(value**2 for value in now.values())
    share = sum(now[name] ** 2 for name in outliers) / total
    shown = [figure(f"relative error of {name}", then.get(name), now[name], "share") for name in outliers[:5]]
    title = (
        f"{listed(outliers)}: {now[outliers[0]] / max(middle, 1e-9):.0f} times the median layer's quantization error"
    )
    return [
        Finding(
            kind="cause",
            strength=share,
            title=f"{title}; {share:.0%} of the squared error of all layers",
            pairs=question.pairs,
            evidence=(*shown, figure("relative error of the median layer", None, middle, "share")),
            next="keep these layers in higher precision (distillation.export.keep_float)",
        )
    ]


def layer_errors(report: Mapping[str, Any], system: str) -> dict[str, float]:
    """Relative error of each quantized layer of a system."""
    layers = report.get("quantization", {}).get(system, {}).get("layers", [])
    return {layer["name"]: float(layer["error"]) for layer in layers}
