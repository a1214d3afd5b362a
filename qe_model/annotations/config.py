"""What the stage `qe_data` is told: human annotations to read, errors to make."""

from dataclasses import dataclass, field

from parley.languages.table import language
from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import STYLES
from qe_model.synthetic.config import SyntheticConfig

FORMS = ("mqm_parquet", "mqm_tsv", "word_tags", "error_spans", "sentence_labels")


@dataclass(frozen=True)
class AnnotationSource:
    """One file of annotations.

    Attributes:
        file: path under `QEDataConfig.root`.
        form: one of `FORMS`, see docs/qe.md.
        domain: replaces the rows' domain; empty: as the file says.
        style: how its annotators mark, one of `STYLES`; empty: `mqm` with severities, `tags` without.
        context: whether its messages before are kept.
        learn_from_dev: share of its dev documents that are trained on, for files without a train split.
        directions: read these only, such as en-de; empty: all.
        licence: as stated by the source; goes into the manifest.
    """

    file: str = ""
    form: str = "mqm_parquet"
    domain: str = ""
    style: str = ""
    context: bool = True
    learn_from_dev: float = 0.0
    directions: list[str] = field(default_factory=list)
    licence: str = ""

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise InputError(f"form is '{self.form}': it must be one of {' '.join(FORMS)}")
        if self.style and self.style not in STYLES:
            raise InputError(f"style is '{self.style}': it must be one of {' '.join(STYLES)}")
        if not 0 <= self.learn_from_dev < 1:
            raise InputError(
                f"learn_from_dev is {self.learn_from_dev}: at least 0 and below 1, or nothing is left of dev"
            )


@dataclass(frozen=True)
class ContrastConfig:
    """Translations of which only the conversation tells the right one.

    Attributes:
        enabled: put them among the synthetic data.
        conversations: for each utterance and form.
        languages: target languages; empty: all 16.
    """

    enabled: bool = True
    conversations: int = 4
    languages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.conversations < 1:
            raise InputError(f"conversations is {self.conversations}: it must be at least 1")
        for code in self.languages:
            language(code)


@dataclass(frozen=True)
class QEDataConfig:
    """Annotated translations for training and testing the quality estimator.

    Attributes:
        root: folder that the paths are under.
        sources: name -> file of human annotations.
        dev_share, test_share: of the documents that come without a split.
        keep_splits: splits that are kept; others, such as "overlap", are left out.
        synthetic: errors made in the messages of the corpus; only where the stage has a corpus.
        glossary: CSV file under the root with one column per language, whose terms are swapped; empty: none.
        contrast: pairs that only the conversation decides.
        seed: of splits.
    """

    root: str = "data"
    sources: dict[str, AnnotationSource] = field(default_factory=dict)
    dev_share: float = 0.1
    test_share: float = 0.1
    keep_splits: list[str] = field(default_factory=lambda: ["train", "dev", "test"])
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    glossary: str = ""
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    seed: int = 1
