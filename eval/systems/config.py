"""What a system is called, where it lies, and in which form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args

import yaml

from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.pipeline.stage import transient
from parley.pretrained import read_settings

Format = Literal["auto", "parley", "transformers", "ctranslate2", "outputs"]
OUTPUT_SUFFIXES: Final = (".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True)
class SystemConfig:
    """One system of an evaluation.

    Attributes:
        name: its name in the report.
        path: folder of the model, a run such as runs/demo or its stage runs/demo/teacher, or a file of outputs.
        format: parley (teacher, students, M2M100 and NLLB folders, by the pipeline's decoder), transformers (any
            sequence-to-sequence folder, by `generate`), ctranslate2, outputs (.tsv, .jsonl, .parquet); auto looks.
        tokenizer: folder of the tokenizer, where it is not the model's.
        prompt: for models that are told the task in words: `translate {source} to {target}: {text}`.
        compute_type: of CTranslate2: default, int8, float32, ...
        pairs: directions it translates, where those are not all of the evaluation.
    """

    name: str
    path: str = transient()
    format: Format = "auto"
    tokenizer: str = transient("")
    prompt: str = ""
    compute_type: str = "default"
    pairs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            InputError: no name, an unknown format or direction, or a prompt without `{text}`.
        """
        if not self.name or not self.path:
            raise InputError(f"a system needs a name and a path; this has name='{self.name}', path='{self.path}'")
        if self.format not in get_args(Format):
            raise InputError(f"system {self.name}: format={self.format}; choose {', '.join(get_args(Format))}")
        if self.prompt and "{text}" not in self.prompt:
            raise InputError(f"system {self.name}: the prompt has no {{text}}")
        for direction in self.pairs:
            pair(direction)

    @property
    def chosen(self) -> Format:
        """The format, found out when it is auto.

        Raises:
            InputError: nothing there, or nothing that is known.
        """
        from eval.systems.named_model import named_model

        path = named_model(Path(self.path)).path
        if self.format != "auto":
            return self.format
        if path.is_file():
            if path.suffix not in OUTPUT_SUFFIXES:
                raise InputError(f"{path}: a file of outputs is one of {', '.join(OUTPUT_SUFFIXES)}")
            return "outputs"
        if (path / "model.bin").is_file():
            return "ctranslate2"
        if not (path / "config.json").is_file():
            raise InputError(f"{path}: not a model folder (no config.json)")
        kind = str(read_settings(path / "config.json").get("model_type", ""))
        return "parley" if kind.startswith(("parley", "m2m_100", "nllb")) else "transformers"


def load_systems(path: Path) -> list[SystemConfig]:
    """Read a YAML list of {name, path, format, ...}.

    Raises:
        InputError: file missing or unreadable, an unknown key, or one name twice.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise InputError(f"{path}: expected a list of systems, each with name and path")
    systems = [_system(path, entry) for entry in entries]
    names = [system.name for system in systems]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two systems have one name: {', '.join(names)}")
    return systems


def _system(path: Path, entry: Mapping[str, Any]) -> SystemConfig:
    known = [field.name for field in fields(SystemConfig)]
    for key in entry:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            meant = f" (meant: {near[0]}?)" if near else ""
            raise InputError(f"{path}: unknown key '{key}'{meant}; keys are {', '.join(known)}")
    for key in ("name", "path"):
        if key not in entry:
            raise InputError(f"{path}: a system has no {key}: {dict(entry)}")
    pairs = entry.get("pairs") or []
    if not isinstance(pairs, list):
        raise InputError(f"{path}: pairs of system {entry['name']} are a list, such as [en-fr, fr-en]")
    values: dict[str, Any] = {str(key): str(value) for key, value in entry.items() if key != "pairs"}
    return SystemConfig(**values, pairs=[str(direction) for direction in pairs])
