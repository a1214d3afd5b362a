"""Does the vocabulary fit a language worse: more tokens per character (fertility), more text spelled in bytes.

A language cut into more pieces has longer sequences, fewer exposures per piece, and runs into length limits sooner.
"""

from typing import Final

from eval.analyzers.finding import Finding, figure
from eval.analyzers.question import Question
from eval.analyzers.registry import analyzer
from parley.languages.table import pair

MIN_FERTILITY: Final = 0.05  # relative growth of tokens per character
MIN_BYTES: Final = 0.02  # growth of the share of byte tokens
MUCH_BYTES: Final = 0.1  # of the tokens, where there is nothing to compare with


@analyzer("vocabulary", "loss", "language", "level")
def vocabulary(question: Question) -> list[Finding]:
    """One finding per language that the vocabulary fits worse, or badly."""
    now = question.after.report.get("tokenizer", {}).get("languages", {})
    then = question.before.report.get("tokenizer", {}).get("languages", {}) if question.before else {}
    found = []
    for code in question.languages():
        concerned = tuple(direction for direction in question.pairs if code in pair(direction))
        if code not in now or not concerned:
            continue
        if code in then:
            found += _moved(code, then[code], now[code], concerned)
        elif question.before is None and now[code]["byte_share"] >= MUCH_BYTES:
            found.append(_spelled(code, now[code]["byte_share"], concerned))
    return found


def _moved(code: str, then: dict[str, float], now: dict[str, float], pairs: tuple[str, ...]) -> list[Finding]:
    growth = now["tokens_per_character"] / max(then["tokens_per_character"], 1e-9) - 1
    spelled = now["byte_share"] - then["byte_share"]
    if growth < MIN_FERTILITY and spelled < MIN_BYTES:
        return []
    evidence = (
        figure(f"tokens per character of {code}", then["tokens_per_character"], now["tokens_per_character"], "tokens"),
        figure(f"share of byte tokens of {code}", then["byte_share"], now["byte_share"], "share"),
    )
    title = f"the vocabulary cuts {code} into {growth:+.0%} tokens per character; bytes {then['byte_share']:.1%} to "
    return [
        Finding(
            kind="cause",
            strength=min(1.0, max(2 * growth, 4 * spelled)),  # half as many tokens again, or a quarter in bytes: 1
            title=title + f"{now['byte_share']:.1%}",
            pairs=pairs,
            evidence=evidence,
            next=f"compare the tokenizer's training text of {code}, its temperature and the vocabulary's size",
        )
    ]


def _spelled(code: str, share: float, pairs: tuple[str, ...]) -> Finding:
    shown = (figure(f"share of byte tokens of {code}", None, share, "share"),)
    title = f"{share:.0%} of the tokens of {code} are bytes: its letters are not in the vocabulary"
    return Finding("cause", share, title, pairs, shown, f"add text of {code} to the tokenizer's training")
