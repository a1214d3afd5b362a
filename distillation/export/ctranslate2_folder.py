"""The student as a CTranslate2 directory, and one more per target language with its shortlist.

CTranslate2's shortlist is a file `vmap.txt` beside the model: one line with an empty source stands for every source.
Entries are separated by spaces, while pieces of our vocabulary contain spaces, so its vocabulary writes them as ▁.
Directories of languages share the model's file by hard links. The decoder starts with the target tag alone.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from distillation.shortlists import Shortlists
from parley.pipeline.atomic import link_or_copy

SPACE: Final = "▁"
VOCABULARY: Final = "shared_vocabulary.json"
SHORTLISTS: Final = "shortlists"


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


def write_ctranslate2(student: Path, out: Path, shortlists: Shortlists) -> None:
    """Convert a saved student to int8.

    Args:
        student: folder with weights and tokenizer.
        out: folder to make; `out/shortlists/<language>` is the model with that language's shortlist.
    """
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):
        def load_model(self, *args: Any, **kwargs: Any) -> Any:
            model = super().load_model(*args, **kwargs)
            model.config.decoder_start_token_id = model.config.eos_token_id  # it wants one; taken out again below
            return model

    out.parent.mkdir(parents=True, exist_ok=True)
    Converter(str(student)).convert(str(out), quantization="int8")
    vocabulary = json.loads((out / VOCABULARY).read_text(encoding="utf-8"))
    names = engine_names(vocabulary)
    (out / VOCABULARY).write_text(json.dumps(names, ensure_ascii=False, indent=0), encoding="utf-8")
    settings = json.loads((out / "config.json").read_text(encoding="utf-8"))
    settings["decoder_start_token"] = None
    (out / "config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    for code, ids in shortlists.pieces.items():
        _add_shortlist(out, out / SHORTLISTS / code, [names[piece] for piece in ids])


def _add_shortlist(model: Path, folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for path in model.iterdir():
        if path.is_file():
            link_or_copy(path, folder / path.name)
    (folder / "vmap.txt").write_text("\t" + " ".join(names) + "\n", encoding="utf-8")
