"""Echo its arguments.

python -m tests.parley.config.example_script model=DIR [pairs=a,b]
"""

import errno
import os
from dataclasses import dataclass, field
from typing import Literal

from parley.config.command_line import argument, run
from parley.pipeline.errors import InputError


@dataclass(frozen=True)
class Arguments:
    """What is echoed."""

    model: str = argument("folder of a model")
    pairs: list[str] = field(default_factory=list, metadata={"help": "directions"})
    beam_size: int = argument("hypotheses kept", 1)
    share: float | None = argument("a share", None)
    quiet: bool = argument("say nothing", False)
    kind: Literal["input", "interrupt", "full", "bug", "regex"] | None = argument("which of several kinds", None)


def main(arguments: Arguments) -> None:
    """Print the arguments, or fail as asked."""
    if arguments.kind == "input":
        raise InputError(f"no model in\n{arguments.model}")
    if arguments.kind == "interrupt":
        raise KeyboardInterrupt
    if arguments.kind == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.txt")
    if arguments.kind == "bug":
        raise ZeroDivisionError
    if arguments.kind == "regex":  # as somebody's tokenizer.json may have it
        from tokenizers import Regex, normalizers

        normalizers.Replace(Regex("(a+)+$"), "").normalize_str("a" * 60 + "b")
    print(arguments)


if __name__ == "__main__":
    run(main, Arguments)
