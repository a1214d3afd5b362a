"""Score the stored outputs of a report with COMET, in the environment of `make comet-env`, and put the scores into it.

    python scripts/score_comet.py report=runs/demo/report checkpoint=FOLDER/checkpoints/model.ckpt

Adds `comet` and `comet_ci` to every direction and to the means of report.json, and writes the pages anew.
"""

from dataclasses import dataclass
from pathlib import Path

from parley.config.command_line import argument, run


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    report: str = argument("folder with report.json and outputs.parquet")
    checkpoint: str = argument("COMET's model.ckpt, with hparams.yaml one folder up")
    python: str = argument("interpreter that has unbabel-comet; empty: that of make comet-env", default="")
    batch_size: int = argument("messages at a time; does not change the result", default=32)
    gpus: int = argument("GPUs that COMET uses", default=0)


def main(arguments: Arguments) -> None:
    """Score, add to the report, show.

    Raises:
        InputError: no report, outputs, environment or checkpoint.
    """
    from eval.evidence import REPORT, load_evidence
    from eval.report.pages.site import render_folder
    from eval.scoring.added_metric import add_metric, with_values
    from eval.stored_outputs import OUTPUTS, SCORES
    from eval.testsets.outputs import write_table
    from parley.metrics.comet import PYTHON, Comet, score_comet
    from parley.pipeline.atomic import write_json
    from parley.pipeline.errors import InputError

    folder, checkpoint = Path(arguments.report), Path(arguments.checkpoint)
    found = load_evidence(folder)
    stored = found.outputs
    if stored is None or stored.messages is None or not (folder / OUTPUTS).is_file():
        raise InputError(f"{folder}: no {OUTPUTS} with {SCORES} beside the report")
    texts = [stored.outputs[name].to_pylist() for name in ("source", "hypothesis", "reference")]
    python = Path(arguments.python) if arguments.python else PYTHON
    scores = score_comet(texts[0], texts[1], texts[2], checkpoint, python, arguments.batch_size, arguments.gpus)
    report = dict(found.report)
    messages = with_values(stored.messages, Comet(), scores)
    add_metric(report, messages, Comet(), str(checkpoint))
    write_table(folder / SCORES, messages)
    write_json(folder / REPORT, report)
    render_folder(folder)
    means = ", ".join(f"{name} {mean['comet']:.4f}" for name, mean in report["mean"].items() if "comet" in mean)
    print(f"COMET of {len(scores):,} outputs: {means}")


if __name__ == "__main__":
    run(main, Arguments)
