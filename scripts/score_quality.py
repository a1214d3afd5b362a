"""Score translations without references: marked words, severities, dimensions, sentence scores.

    python scripts/score_quality.py model=runs/demo/qe input=pairs.tsv out=scores.jsonl source_lang=en target_lang=de

Input: TSV, JSONL or Parquet with `source`, `target`, and optionally `id`, `source_lang`, `target_lang`, `context`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parley.config.command_line import argument, run


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    model: str = argument("folder of the model, a run such as runs/demo, or its stage such as runs/demo/qe")
    input: str = argument("translations: .tsv, .jsonl or .parquet")
    out: str = argument("scores: .tsv, .jsonl or .parquet")
    source_lang: str = argument("code of the source language; empty: column source_lang", default="")
    target_lang: str = argument("code of the target language; empty: column target_lang", default="")
    style: str = argument(
        "annotators that are followed: mqm, panel, medical, chat, spans, tags or synthetic; empty: the model's own",
        default="",
    )
    batch_tokens: int = argument("padded pieces read at once", default=8192)
    precision: Literal["fp32", "bf16"] = argument(
        "of the model; bf16 is faster where the machine multiplies in it", default="fp32"
    )
    device: str = argument("auto (a GPU where there is one), cpu or cuda", default="auto")


def main(arguments: Arguments) -> None:
    """Score the file."""
    from eval.systems.named_model import ESTIMATES, told_model
    from parley.pipeline.contents import check_contents
    from parley.pipeline.progress import say
    from qe_model.scoring.files import read_pairs, score_file
    from qe_model.scoring.scorer import QualityScorer

    settings = arguments.style, arguments.batch_tokens, arguments.device, arguments.precision
    model = told_model(arguments.model, ESTIMATES)
    check_contents(model)
    scorer = QualityScorer.load(model, *settings)
    pairs = read_pairs(Path(arguments.input), arguments.source_lang, arguments.target_lang)
    say(f"{score_file(scorer, pairs, Path(arguments.out))} translations scored: {arguments.out}")


if __name__ == "__main__":
    run(main, Arguments)
