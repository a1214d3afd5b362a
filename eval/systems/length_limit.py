"""The longest output of a message, the same for every engine, so that none wins or loses by another bound on loops."""

from parley.decoding.translator import DecodingConfig


def token_limit(decoding: DecodingConfig, source_tokens: int) -> int:
    """Most tokens of a translation, language tag not counted, for a source of so many tokens without tag and end."""
    bound = int(decoding.length_factor * source_tokens) + 16 if decoding.length_factor else decoding.max_new_tokens
    return min(bound, decoding.max_new_tokens)
