"""Sequence-level targets: messages, roughened as chat is, with the teacher's own translations.

(Sequence-level knowledge distillation: Kim and Rush, 2016, arXiv 1606.07947.) They are an encoded store whose rows may
be used in one direction only, so noise never becomes a target; `training.batches` mixes them with people's rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from distillation.config import SequenceTargetsConfig
from parley.corpus.augmentation.registry import Message, augmented_by_chance
from parley.languages.table import pair
from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage

if TYPE_CHECKING:
    from parley.corpus.store import Corpus

NOISE: Final = {"chat": 1.0}  # share of the messages by augmentation
_COLUMNS: Final = ("row_id", "origin", "direction", "source_text", "target_text")


@dataclass(frozen=True)
class SequenceTargetsStageConfig:
    """What decides the teacher's translations.

    Attributes:
        sequences: which messages, how they are decoded.
        seed: of the choice of messages and of their noise.
    """

    sequences: SequenceTargetsConfig
    seed: int = 0


class SequenceTargetsStage(Stage[SequenceTargetsStageConfig]):
    """Has `teacher` translate roughened messages of `corpus`; stores them encoded with `tokenizer`."""

    name = "sequence_targets"
    version: ClassVar[int] = 3
    keeps_work: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(memory_gb=8.0, accelerators=1)

    def files(self) -> list[Path]:
        """The monolingual files."""
        return [Path(path) for _, path in sorted(self.config.sequences.monolingual.items())]

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        """See `message_selection`."""
        from distillation.targets.message_selection import make_shards
        from parley.corpus.store import Corpus

        return make_shards(Corpus.open(inputs["corpus"]), self.config.sequences)

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Translate, and encode what the teacher says; where it says nothing, the message is left out."""
        import pyarrow as pa

        from parley.corpus.store import Corpus
        from training.batches.one_way_encoding import write_one_way
        from training.tokenizer import load_tokenizer

        corpus = Corpus.open(inputs["corpus"])
        messages = self._messages(shard, corpus)
        rows = [
            {
                "row_id": f"{shard.name}:{place}",
                "origin": "teacher",
                "direction": f"{message.source_language}-{message.target_language}",
                "source_text": message.source,
                "target_text": translation,
            }
            for place, (message, translation) in enumerate(self._translated(messages, inputs["teacher"]))
            if translation
        ]
        table = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in _COLUMNS]))
        write_one_way(out, table, corpus.languages, load_tokenizer(inputs["tokenizer"]))

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Join the shards; facts: `messages`.

        Raises:
            InputError: the teacher said nothing at all.
        """
        from parley.corpus.store import Corpus
        from training.batches.one_way_encoding import join_one_way
        from training.model.loading import shared_translator
        from training.tokenizer import load_tokenizer

        shared_translator.cache_clear()
        languages = Corpus.open(inputs["corpus"]).languages
        messages = join_one_way(shard_folders(out), out, languages, load_tokenizer(inputs["tokenizer"]))
        if not messages:
            raise InputError("distillation.sequences: the teacher translated nothing")
        return {"messages": messages}

    def _messages(self, shard: Shard, corpus: "Corpus") -> list[Message]:
        """What is translated, roughened."""
        from distillation.targets.message_selection import messages_of

        return [
            augmented_by_chance(Message(text, "", *pair(name)), NOISE, f"{self.config.seed} {shard.name} {place}")
            for place, (name, text) in enumerate(messages_of(shard, corpus, self.config.seed))
        ]

    def _translated(self, messages: Sequence[Message], teacher: Path) -> Iterator[tuple[Message, str]]:
        """Each message with the teacher's translation."""
        from parley.decoding.translator import DecodingConfig
        from training.model.loading import Translator, shared_translator

        loaded = shared_translator(teacher)
        decoding = DecodingConfig(beam_size=self.config.sequences.beam_size)
        translator = Translator(loaded.model, loaded.tokenizer, decoding, loaded.device)
        said = translator.translate_many(
            [message.source for message in messages],
            [message.source_language for message in messages],
            [message.target_language for message in messages],
        )
        return zip(messages, said, strict=True)
