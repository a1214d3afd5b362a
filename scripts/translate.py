"""Translate lines from standard input to standard output, a line each.

echo 'Are you ready?' | python scripts/translate.py model=runs/demo target_lang=th
"""

import sys
from dataclasses import dataclass

from parley.config.command_line import argument, run


@dataclass(frozen=True)
class Arguments:
    """Arguments of the command line."""

    model: str = argument("folder of a model, a run such as runs/demo, or its stage such as runs/demo/teacher")
    target_lang: str = argument("code of the language to translate into")
    source_lang: str = argument("code of the language of the input, or auto", default="auto")
    beam_size: int = argument("1 decodes greedily", default=1)
    glossary: str = argument("file of terms that are to be translated as it says (docs/glossary.md)", default="")
    batch_size: int = argument("lines decoded together at most", default=64)
    detected: bool = argument(
        "JSON lines: translation, the language detected in the source, its probability", default=False
    )
    device: str = argument("auto (a GPU where there is one), cpu or cuda", default="auto")


def main(arguments: Arguments) -> None:
    """Load the model, then answer line by line."""
    from eval.line_stream import translate_lines
    from eval.systems.loading import load_translator
    from eval.systems.named_model import told_model
    from parley.glossary.reading import read_glossary
    from parley.languages.table import AUTO, language

    target = language(arguments.target_lang).code
    source = arguments.source_lang if arguments.source_lang == AUTO else language(arguments.source_lang).code
    glossary = read_glossary(arguments.glossary) if arguments.glossary else None
    if glossary:
        glossary.check(target, *([] if source == AUTO else [source]))
    translator = load_translator(told_model(arguments.model), arguments.beam_size, arguments.device)
    translator.hints = glossary.hints if glossary else None
    detect = translator.detect if arguments.detected else None
    translate_lines(translator, sys.stdin.buffer, sys.stdout.buffer, source, target, arguments.batch_size, detect)


if __name__ == "__main__":
    run(main, Arguments)
