"""Messages as the ids that a model is fed, and how long a translation may become."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from transformers import PreTrainedTokenizerBase

from parley.decoding.parts import MAX_SOURCE_TOKENS
from parley.glossary.hints import Hint, hinted_pieces
from parley.languages.normalisation import normalised_text
from parley.languages.table import AUTO, LANGUAGES, language
from parley.pipeline.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_NEW_TOKENS: Final = 200
LENGTH_FACTOR: Final = 3.0
_SPARE_TOKENS: Final = 16


def tag_id(tokenizer: PreTrainedTokenizerBase, code: str) -> int:
    """Vocabulary id of a language's tag, as Parley, M2M100 or NLLB write it.

    Raises:
        InputError: the vocabulary has no tag for it.
    """
    known = LANGUAGES.get(code)
    names = [f"__{code}__"] + ([known.flores, f"__{known.primary}__"] if known else [])
    vocabulary = tokenizer.get_vocab()
    for name in names:
        if name in vocabulary:
            return vocabulary[name]
    raise InputError(f"the model's vocabulary has no language tag for '{code}' (looked for {', '.join(names)})")


def source_pieces(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    sources: Sequence[str],
    most: int = MAX_SOURCE_TOKENS,
    hints: Sequence[Sequence[Hint]] = (),
) -> list[list[int]]:
    """Each message's tag, up to `most` pieces, and end; messages without a visible character have no pieces.

    Args:
        sources: of each message, a code or `auto`.
        hints: of each message, which is normalised then; empty where none has any.

    Raises:
        InputError: a language that the model does not know, or hints for a model that knows none.
    """
    if not texts:
        return []
    tags = {source: tag_id(tokenizer, source if source == AUTO else language(source).code) for source in set(sources)}
    encoded = tokenizer([normalised_text(text) for text in texts], add_special_tokens=False)["input_ids"]
    cut = [pieces[:most] for pieces in encoded]
    if hinted := [place for place, own in enumerate(hints) if own]:
        some = [texts[place] for place in hinted], [hints[place] for place in hinted]
        for place, pieces in zip(hinted, hinted_pieces(_backend(tokenizer), *some), strict=True):
            cut[place] = pieces
    end = tokenizer.eos_token_id
    return [[tags[source], *pieces, end] for pieces, source in zip(cut, sources, strict=True)]


def _backend(tokenizer: PreTrainedTokenizerBase) -> "Tokenizer":
    found: Tokenizer | None = getattr(tokenizer, "backend_tokenizer", None)
    if found is None:
        raise InputError(f"{type(tokenizer).__name__}: a tokenizer of another project: it cannot be given hints")
    return found


def longest_output(source: Sequence[int], most: int = MAX_NEW_TOKENS, factor: float = LENGTH_FACTOR) -> int:
    """Most tokens of the translation of a message, tag and end included: bounds loops. `factor` 0: `most` alone."""
    return min(int(factor * (len(source) - 2)) + _SPARE_TOKENS, most) if factor else most
