"""Evaluate any translation model on any test set: report.json, index.html and outputs.parquet.

The test set is Parquet, TSV or CSV with a column per language, named by its code (en, es, ..., zh-Hans, zh-Hant).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # in place of scripts/, whose pipeline.py hides the package

from scripts.command_line import argument, run


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    model: str = argument("folder of the model with its tokenizer, or a run's stage such as runs/demo/teacher")
    testset: str = argument("test set: .parquet, .tsv or .csv")
    out: str = argument("folder for report.json, index.html and outputs.parquet")
    pairs: list[str] = argument("directions such as en-fr,fr-en; all that have data", default=[])
    max_messages: int = argument("messages per direction at most, 0 for all", default=500)
    beam_size: int = argument("1 decodes greedily", default=1)
    auto_source_messages: int = argument("messages per direction also translated with source auto", default=0)
    split: str = argument("which split, where the test set has a column of that name", default="test")
    system: str = argument("name of the model in the report", default="model")
    samples: int = argument("messages shown in the report", default=20)
    bootstrap_samples: int = argument("samples behind each confidence interval", default=1000)
    seed: int = argument("of the choice of messages and the bootstrap", default=1)
    device: str = argument("auto (a GPU where there is one), cpu or cuda", default="auto")


def main(arguments: Arguments) -> None:
    """Evaluate and write the report."""
    from eval.config import EvaluationConfig
    from eval.standalone import evaluate_file

    config = EvaluationConfig(
        pairs=arguments.pairs,
        max_messages=arguments.max_messages,
        beam_size=arguments.beam_size,
        auto_source_messages=arguments.auto_source_messages,
        samples=arguments.samples,
        bootstrap_samples=arguments.bootstrap_samples,
        seed=arguments.seed,
    )
    testset, out = Path(arguments.testset), Path(arguments.out)
    print(evaluate_file(arguments.model, testset, out, config, arguments.system, arguments.split, arguments.device))


if __name__ == "__main__":
    run(main, Arguments)
