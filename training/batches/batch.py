"""One batch: messages of mixed directions gathered from the encoded corpus and padded.

Legend: B messages, S source length, T target length, tags and end included.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from parley.languages.table import CODES
from training.batches.concat import ConcatCorpus

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, np.dtype[Any]]

IGNORED: Final = -100  # label of padding
TAG_AND_END: Final = 2  # added to a source; the target side has one of them in its input, the other in its labels


@dataclass(frozen=True)
class Batch:
    """Messages of mixed directions, padded on the right.

    Attributes:
        input_ids: [B, S] source tag, `__auto__` or a wrong tag, tokens, end.
        attention_mask: [B, S] 1 on tokens, 0 on padding.
        decoder_input_ids: [B, T] target tag, tokens.
        labels: [B, T] tokens, end; -100 on padding.
        source_language, target_language: [B] ids of the tags; the true source whatever the tag says.
        target_tokens: labels that count.
    """

    input_ids: "torch.Tensor"
    attention_mask: "torch.Tensor"
    decoder_input_ids: "torch.Tensor"
    labels: "torch.Tensor"
    source_language: "torch.Tensor"
    target_language: "torch.Tensor"
    target_tokens: int

    def to(self, device: "torch.device | str") -> "Batch":
        """The same batch on a device."""
        import torch

        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, torch.Tensor)}
        return Batch(**moved, target_tokens=self.target_tokens)

    def halves(self) -> "list[Batch]":
        """The first half of the messages and the second; nothing where there is one message alone."""
        middle = len(self.labels) // 2
        return [self._part(part) for part in (slice(middle), slice(middle, None)) if middle]

    def _part(self, rows: slice) -> "Batch":
        fields = {name: value[rows] for name, value in vars(self).items() if name != "target_tokens"}
        return Batch(**fields, target_tokens=int((fields["labels"] != IGNORED).sum()))

    def model_inputs(self) -> "dict[str, torch.Tensor]":
        """Keyword arguments of the model's `forward`."""
        names = ("input_ids", "attention_mask", "decoder_input_ids", "labels", "source_language")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Examples:
    """Messages to translate, as parallel arrays [n].

    Attributes:
        source, target: languages as indices into CODES.
        row: of the corpus.
        source_length, target_length: positions in `input_ids` and `labels`, tag and end included.
        told: language of the source's tag, -1 for `__auto__`.
    """

    source: "Array"
    target: "Array"
    row: "Array"
    source_length: "Array"
    target_length: "Array"
    told: "Array"

    @classmethod
    def of(cls, corpus: ConcatCorpus, source: "Array", target: "Array", row: "Array", told: "Array") -> "Examples":
        """Rows of a corpus, with their lengths."""
        lengths = corpus.lengths(source, row) + TAG_AND_END, corpus.lengths(target, row) + 1
        return cls(source, target, row, *lengths, told)

    def take(self, chosen: "Array | slice") -> "Examples":
        """The chosen examples, in that order."""
        return Examples(**{name: value[chosen] for name, value in vars(self).items()})


def make_batch(corpus: ConcatCorpus, examples: Examples) -> Batch:
    """Gather the tokens of the examples and pad them."""
    import torch

    encoded = corpus.encoded
    tags = np.array([encoded.language_ids.get(code, -1) for code in CODES])
    head = np.where(examples.told < 0, encoded.auto_id, tags[examples.told])
    source, source_mask = _padded(corpus, examples.source, examples.row, examples.source_length, head)
    target, target_mask = _padded(
        corpus, examples.target, examples.row, examples.target_length + 1, tags[examples.target]
    )
    counted = target_mask[:, 1:]
    return Batch(
        input_ids=torch.from_numpy(source),
        attention_mask=torch.from_numpy(source_mask.astype(np.int64)),
        decoder_input_ids=torch.from_numpy(np.where(counted, target[:, :-1], encoded.pad_id)),
        labels=torch.from_numpy(np.where(counted, target[:, 1:], IGNORED)),
        source_language=torch.from_numpy(tags[examples.source]),
        target_language=torch.from_numpy(tags[examples.target]),
        target_tokens=int(counted.sum()),
    )


def _padded(
    corpus: ConcatCorpus, languages: "Array", rows: "Array", lengths: "Array", head: "Array"
) -> "tuple[Array, Array]":
    """[B, L] head, tokens, end, padding; and the mask of what is not padding. `lengths` count head and end."""
    width = int(lengths.max())
    mask = np.arange(width) < lengths[:, None]
    out = np.full(mask.shape, corpus.encoded.pad_id, np.int64)
    for cells, tokens, offsets, inside in corpus.columns(languages, rows):
        sizes = lengths[cells] - TAG_AND_END
        along = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        out.ravel()[np.repeat(cells * width + 1, sizes) + along] = tokens[np.repeat(offsets[inside], sizes) + along]
    out[np.arange(len(rows)), lengths - 1] = corpus.encoded.eos_id
    out[:, 0] = head
    return out, mask
