"""Published error categories to the four dimensions."""

from typing import Final

from qe_model.annotations.annotation import Dimension

# Beginnings of words in a category, the first that is found decides. Terminology is a matter of meaning; style and
# locale read badly but say the same; a wrong register is a form that does not go with the conversation.
_SIGNS: Final[tuple[tuple[Dimension, tuple[str, ...]], ...]] = (
    ("consistency", ("inconsisten", "register", "formality", "consistency")),
    (
        "accuracy",
        ("accuracy", "mistransl", "omission", "addition", "untransl", "terminolog", "hallucination", "named entity",
         "non-transl", "non_transl", "lexical selection", "overly literal", "ambiguous", "translit",
         "have been transl"),
    ),
    (
        "fluency",
        ("fluency", "style", "locale", "grammar", "spelling", "punctuation", "word order", "agreement", "linguistic",
         "unintelligible", "whitespace", "capitali", "orthograph", "declension", "tense", "preposition", "conjunction",
         "pronoun", "verb", "pos", "duplication", "hyphen", "unnatural", "awkward", "format", "variety", "omitted",
         "date"),
    ),
)  # fmt: skip
_COARSE: Final[dict[str, Dimension]] = {
    "accuracy": "accuracy",
    "terminology": "accuracy",
    "fluency": "fluency",
    "style": "fluency",
    "locale": "fluency",
    "consistency": "consistency",
}


def dimension_of(category: str, published: str = "") -> Dimension:
    """Dimension of an error.

    Args:
        category: label as the annotators wrote it; may be empty.
        published: dimension that the file gives (accuracy, fluency, consistency, terminology, style, locale, other).
    """
    lower = category.lower()
    if any(sign in lower for sign in _SIGNS[0][1]):
        return "consistency"
    if published:
        return _COARSE.get(published, "other")
    return next((dimension for dimension, signs in _SIGNS if any(sign in lower for sign in signs)), "other")
