"""How near a form of a student comes to the float student, and whether batch mates change what it says."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from distillation.runtime.engine import Engine
from distillation.runtime.student_runtime import StudentRuntime
from distillation.shortlists import Shortlists
from parley.corpus.store import Corpus
from parley.languages.table import directions, pair
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from training.batches.encoded import EncodedCorpus

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MESSAGES: Final = 200  # on which every form is compared
ALONE: Final = 50  # of these, translated once more by themselves
EXAMPLES: Final = 20  # differing outputs that are listed in full


class DevMessage(NamedTuple):
    """A dev message and where it goes: language codes, text."""

    source: str
    target: str
    text: str


def dev_messages(encoded: EncodedCorpus, corpus: Path) -> list[DevMessage]:
    """Dev messages spread over the directions.

    Raises:
        InputError: the dev split is empty.
    """
    store = Corpus.open(corpus)
    columns = store.held_out("dev", store.languages).to_pydict()
    texts = {code: [text for text in column if text] for code, column in columns.items()}
    wanted = [pair(name) for name in directions(encoded.languages) if texts[pair(name)[0]]]
    if not wanted:
        raise InputError(f"{corpus}: no dev message to compare exports on")
    draw = np.random.default_rng(0)
    chosen = [wanted[place % len(wanted)] for place in range(MESSAGES)]
    return [DevMessage(source, target, texts[source][draw.integers(len(texts[source]))]) for source, target in chosen]


class Parity:
    """The float student's translations of some messages, for forms to be held against."""

    def __init__(
        self,
        exact: Engine,
        tokenizer: "PreTrainedTokenizerFast",
        shortlists: Shortlists,
        messages: Sequence[DevMessage],
    ) -> None:
        """Translate with the float student, with shortlists and without."""
        self.messages = messages
        self.wanted = self._translate(StudentRuntime(exact, tokenizer, shortlists, guarded=False))
        free = self._translate(StudentRuntime(exact, tokenizer, guarded=False))
        self.changed_by_shortlists = sum(map(str.__ne__, self.wanted, free))

    def of(self, export: Path, engine: str) -> dict[str, Any]:
        """`parity` with the float student, both with shortlists, and how many messages are `changed_by_batch_mates`."""
        runtime = StudentRuntime.load(export, engine, guarded=False)
        found = self._translate(runtime)
        told = {**compare(self.messages, self.wanted, found), "float_changed_by_shortlists": self.changed_by_shortlists}
        few = slice(0, ALONE)
        alone = [runtime.translate([text], target, source)[0] for source, target, text in self.messages[few]]
        say(f"{engine}: {told['same']} of {len(found)} messages as the float student")
        return {"parity": told, "changed_by_batch_mates": sum(map(str.__ne__, alone, found[few]))}

    def _translate(self, runtime: StudentRuntime) -> list[str]:
        sources, targets, texts = zip(*self.messages, strict=True)
        return runtime.translate_many(texts, sources, targets)


def compare(messages: Sequence[DevMessage], float_outputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    """How often two systems say the same, and examples where they do not."""
    differing = [
        {"source": source, "target": target, "message": text, "float": ours, "exported": theirs}
        for (source, target, text), ours, theirs in zip(messages, float_outputs, outputs, strict=True)
        if ours != theirs
    ]
    same = len(outputs) - len(differing)
    return {"messages": len(outputs), "same": same, "differing": len(differing), "examples": differing[:EXAMPLES]}
