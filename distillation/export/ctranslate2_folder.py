"""The student as a CTranslate2 directory, and one more per target language with its output list.

CTranslate2's list is a file `vmap.txt` beside the model: one line with an empty source stands for every source. Entries
are separated by spaces, while pieces of our vocabulary contain spaces, so the directory's vocabulary writes them as ▁.
Directories of languages share the model's file by hard links. The decoder starts with the target tag alone.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from distillation.output_lists import OutputLists
from parley.pipeline.errors import InputError

SPACE: Final = "▁"
VOCABULARY: Final = "shared_vocabulary.json"
LISTS: Final = "lists"


def engine_names(pieces: Sequence[str]) -> list[str]:
    """Names that CTranslate2 knows pieces by: without separators, each once."""
    names, taken = [], set()
    for place, piece in enumerate(pieces):
        name = piece.replace(" ", SPACE)
        if name in taken or not name or any(character in "\t\n\r\v\f" for character in name):
            name = f"<piece:{place}>"
        taken.add(name)
        names.append(name)
    return names


def convert(student: Path, out: Path, quantization: str = "int8", lists: OutputLists | None = None) -> None:
    """Convert a saved student.

    Args:
        student: folder with weights and tokenizer.
        out: folder to make; must not exist.
        quantization: of the weights, as CTranslate2 names it.
        lists: also make `out/lists/<language>` with that language's list.

    Raises:
        InputError: CTranslate2 is not installed.
    """
    try:
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise InputError("a CTranslate2 export needs the package ctranslate2 (extra `ctranslate2`)") from error

    class Converter(TransformersConverter):
        def load_model(self, *args: Any, **kwargs: Any) -> Any:
            model = super().load_model(*args, **kwargs)
            model.config.decoder_start_token_id = model.config.eos_token_id  # it wants one; taken out again below
            return model

    out.parent.mkdir(parents=True, exist_ok=True)
    Converter(str(student)).convert(str(out), quantization=quantization)
    vocabulary = json.loads((out / VOCABULARY).read_text(encoding="utf-8"))
    names = engine_names(vocabulary)
    (out / VOCABULARY).write_text(json.dumps(names, ensure_ascii=False, indent=0), encoding="utf-8")
    settings = json.loads((out / "config.json").read_text(encoding="utf-8"))
    settings["decoder_start_token"] = None
    (out / "config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    for code, ids in lists.pieces.items() if lists is not None else ():
        _with_list(out, out / LISTS / code, [names[piece] for piece in ids])


def _with_list(model: Path, folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for path in model.iterdir():
        if path.is_file():
            _link(path, folder / path.name)
    (folder / "vmap.txt").write_text("\t" + " ".join(names) + "\n", encoding="utf-8")


def _link(path: Path, name: Path) -> None:
    try:
        os.link(path, name)
    except OSError:  # another file system
        shutil.copyfile(path, name)
