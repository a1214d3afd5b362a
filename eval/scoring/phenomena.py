"""What user-written text has and edited text has not: for each phenomenon what a translation is to do with it.

The actions are those that guidelines for user-written text tell apart: copy (as it stands), transfer (do in the target
language what the source does), normalise (write the standard form). `PHENOMENA` declares them, and the rule that tells
from source and output whether it was done; what no rule can tell has none and is not measured.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from eval.scoring.natural_slices import copied_keys
from eval.stored_outputs import DirectionOutputs
from parley.languages.table import LANGUAGES, pair

Action = Literal["copy", "transfer", "normalise"]
Rule = Callable[[str, str], bool | None]
Counts = dict[str, dict[str, list[int]]]  # phenomenon -> system -> [messages done, messages that have it]
REFERENCE: Final = "reference"  # stands among the systems: what the references of the test set do
CASED: Final = ("Latn", "Cyrl")
_ELONGATED: Final = re.compile(r"([A-Za-z\u00c0-\u024f\u0400-\u04ff])\1{2,}(?!\1)")
_ONE_LETTER: Final = re.compile(r"(?<!\w)(\w)\1+(?!\w)")  # laughter and the like: www, kkkk
_REPEATED: Final = re.compile(r"([!?！？])\1+")


@dataclass(frozen=True)
class Phenomenon:
    """One row of the table.

    Attributes:
        rule: (source, output) -> whether the action was done; None where the source lacks the phenomenon. Absent: not
            measured.
        cased: whether it is one of scripts with case alone; then both languages must have one.
    """

    name: str
    label: str
    action: Action
    rule: Rule | None = None
    cased: bool = False


def _copied(kind: str) -> Rule:
    def rule(source: str, output: str) -> bool | None:
        wanted = {key: count for key, count in copied_keys(source).items() if key[0] == kind}
        found = copied_keys(output) if wanted else {}
        return all(found[key] >= count for key, count in wanted.items()) if wanted else None

    return rule


def _undone(found_in: Callable[[str], bool]) -> Rule:
    """Normalised: what the source has the output has no more."""
    return lambda source, output: not found_in(output) if found_in(source) else None


def _elongated(text: str) -> bool:
    return bool(_ELONGATED.search(_ONE_LETTER.sub("", text)))


def _in_capitals(source: str, output: str) -> bool | None:
    return output.isupper() if source.isupper() and len(source.split()) > 1 else None


def _small_letters(source: str, output: str) -> bool | None:
    words = source.split()
    return not output.islower() if source.islower() and len(words) > 2 and words[0].isalpha() else None


PHENOMENA: Final = (
    Phenomenon("urls", "URLs and mail addresses", "copy", _copied("urls")),
    Phenomenon("handles", "Handles (@ana)", "copy", _copied("handles")),
    Phenomenon("hashtags", "Hashtags", "copy", _copied("hashtags")),
    Phenomenon("placeholders", "Placeholders ({name}, %s, <b>)", "copy", _copied("placeholders")),
    Phenomenon("numbers", "Numbers, by their digits", "copy", _copied("numbers")),
    Phenomenon("emoji", "Emoji", "copy", _copied("emoji")),
    Phenomenon("emoticons", "Emoticons", "copy", _copied("emoticons")),
    Phenomenon("filtered", "Filtered text (####)", "copy", _copied("filtered")),
    Phenomenon("capitals", "All capitals", "transfer", _in_capitals, cased=True),
    Phenomenon("small_letters", "No capitals at all", "normalise", _small_letters, cased=True),
    Phenomenon("elongation", "Drawn-out words (sooo)", "normalise", _undone(_elongated), cased=True),
    Phenomenon("repeated_marks", "Repeated marks (!!!)", "normalise", _undone(lambda t: bool(_REPEATED.search(t)))),
    Phenomenon("slang", "Slang and abbreviations", "transfer"),
    Phenomenon("profanity", "Profanity", "transfer"),
    Phenomenon("laughter", "Laughter (jaja, 555, www)", "transfer"),
    Phenomenon("misspelling", "Typing errors, lost accents", "normalise"),
    Phenomenon("leetspeak", "Digits for letters (n00b)", "normalise"),
)


def count_phenomena(outputs: Mapping[str, DirectionOutputs]) -> Counts:
    """Key `phenomena` of a direction, from the outputs of its systems; what no source has is absent."""
    if not outputs:
        return {}
    most = max(outputs.values(), key=len)
    texts = {REFERENCE: (most.sources, most.references)}
    texts |= {system: (mine.sources, mine.hypotheses) for system, mine in outputs.items()}
    cased = all(LANGUAGES[code].script in CASED for code in pair(most.direction))
    found: Counts = {}
    for one in PHENOMENA:
        if (rule := one.rule) is None or (one.cased and not cased):
            continue
        for system, columns in texts.items():
            judged = [rule(source, output) for source, output in zip(*columns, strict=True)]
            if n := sum(done is not None for done in judged):
                found.setdefault(one.name, {})[system] = [judged.count(True), n]
    return found


def pooled(parts: Sequence[Counts]) -> list[dict[str, Any]]:
    """Key `phenomena` of a report: every row of the table with `name`, `action`, and `systems` counted over directions.

    `systems` is null where no rule decides.
    """
    table = []
    for one in PHENOMENA:
        sums: dict[str, list[int]] = {}
        for system, (done, n) in (item for part in parts for item in part.get(one.name, {}).items()):
            sums[system] = [sums.get(system, [0, 0])[0] + done, sums.get(system, [0, 0])[1] + n]
        table.append({"name": one.name, "action": one.action, "systems": sums if one.rule else None})
    return table
