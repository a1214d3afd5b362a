"""Evaluate any translation systems on any test set: report.json, index.html and outputs.parquet.

The test set is Parquet, TSV or CSV with a column per language, named by its code (en, es, ..., zh-Hans, zh-Hant). A
system is a model folder (the pipeline's own, transformers, CTranslate2) or a file of outputs; docs/evaluation.md.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from parley.config.command_line import argument, run
from parley.metrics.registry import DEFAULTS


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    testset: str = argument("test set: .parquet, .tsv or .csv")
    out: str = argument("folder for report.json, index.html and outputs.parquet")
    model: str = argument(
        "folder of a model, a run such as runs/demo, its stage (runs/demo/teacher), or a file of outputs",
        default="",
    )
    systems: str = argument("YAML list of {name, path, format}, in place of model or beside it", default="")
    pairs: list[str] = argument("directions such as en-fr,fr-en; all that have data", default=[])
    max_messages: int = argument("messages per direction at most, 0 for all", default=500)
    beam_size: int = argument("1 decodes greedily", default=1)
    auto_source_messages: int = argument("messages per direction also translated with source auto", default=0)
    split: str = argument("which split, where the test set has a column of that name", default="test")
    system: str = argument("name of the model in the report", default="model")
    format: str = argument("of model: auto, parley, transformers, ctranslate2 or outputs", default="auto")
    metrics: list[str] = argument("registered metrics; differences are tested with the first", default=list(DEFAULTS))
    bootstrap_samples: int = argument("samples behind each confidence interval", default=1000)
    device: str = argument("auto (a GPU where there is one), cpu or cuda", default="auto")


def main(arguments: Arguments) -> None:
    """Evaluate and write the report.

    Raises:
        InputError: no system, or one that cannot be used.
    """
    from eval.config import EvaluationConfig
    from eval.evaluation.from_file import evaluate_file
    from eval.systems.config import SystemConfig, load_systems
    from eval.systems.named_model import told_model
    from parley.pipeline.errors import InputError

    config = EvaluationConfig(
        metrics=arguments.metrics,
        pairs=arguments.pairs,
        max_messages=arguments.max_messages,
        beam_size=arguments.beam_size,
        perturbed_messages=arguments.auto_source_messages,
    )
    systems = load_systems(Path(arguments.systems)) if arguments.systems else []
    if arguments.model:
        systems = [SystemConfig(arguments.system, arguments.model, arguments.format), *systems]  # type: ignore[arg-type]
    if not systems:
        raise InputError("missing: model=... or systems=... (see --help)")
    if len({system.name for system in systems}) < len(systems):
        raise InputError(f"two systems have one name: {', '.join(system.name for system in systems)}")
    if not 100 <= arguments.bootstrap_samples <= 100_000:
        raise InputError(f"bootstrap_samples={arguments.bootstrap_samples}: choose from 100 to 100,000")
    systems = [replace(system, path=str(told_model(system.path))) for system in systems]
    where = Path(arguments.testset), Path(arguments.out)
    print(evaluate_file(systems, *where, config, arguments.split, arguments.device, arguments.bootstrap_samples))


if __name__ == "__main__":
    run(main, Arguments)
