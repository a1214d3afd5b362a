"""What the stage `qe_data` is told: human annotations to read, errors to make."""

from dataclasses import dataclass, field

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import STYLES


@dataclass(frozen=True)
class AnnotationSource:
    """One file of annotations.

    Attributes:
        file: path under `QEDataConfig.root`.
        form: one of `annotations.reading`, see docs/qe.md.
        style: how its annotators mark, one of `STYLES`; empty: `mqm` with severities, `tags` without.
        context: whether its messages before are kept.
        learn_from_dev: share of its dev documents that are trained on, for files without a train split.
        licence: as stated by the source; goes into the manifest.
    """

    file: str = ""
    form: str = "mqm_parquet"
    style: str = ""
    context: bool = True
    learn_from_dev: float = 0.0
    licence: str = ""

    def __post_init__(self) -> None:
        if self.style and self.style not in STYLES:
            raise InputError(f"style is '{self.style}': it must be one of {' '.join(STYLES)}")
        if not 0 <= self.learn_from_dev < 1:
            raise InputError(
                f"learn_from_dev is {self.learn_from_dev}: at least 0 and below 1, or nothing is left of dev"
            )


@dataclass(frozen=True)
class QEDataConfig:
    """Annotated translations for training and testing the quality estimator.

    Attributes:
        root: folder that the paths are under.
        sources: name -> file of human annotations.
        per_language: translations into each language of the corpus that errors are put in, from the train split.
        held_out: likewise from dev, and from test.
        conversations: for each utterance and form of the pairs that only the conversation decides; 0: no such pairs.
        split_seed: of splits and errors; runs with other seeds have the same test set.
    """

    root: str = "data"
    sources: dict[str, AnnotationSource] = field(default_factory=dict)
    per_language: int = 2000
    held_out: int = 200
    conversations: int = 4
    split_seed: int = 1

    def __post_init__(self) -> None:
        for key in ("per_language", "held_out", "conversations"):
            if getattr(self, key) < 0:
                raise InputError(f"qe_data.{key}={getattr(self, key)}: 0 or more")
