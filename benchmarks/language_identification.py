"""Accuracy of `parley.languages.identification` on dev rows of real chat text, and its false alarms.

    python benchmarks/language_identification.py FOLDER/parallel

Prints one row per language: texts, accuracy of `identify`, share wrongly called off-target (without and with a source
hint of English), share of the other languages' texts caught when this one is the target, and microseconds per text.
"""

import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from parley.languages.identification import LanguageIdentifier
from parley.languages.table import CODES

SOURCES = (
    *("tatoeba", "deltachat", "element_android", "lemmy", "mastodon_android", "mattermost_mobile", "nodebb"),
    *("premid", "revolt", "session", "thunderbird_android", "tusky", "wiki_discussiontools", "wiki_echo"),
)


def dev_texts(folder: Path) -> dict[str, list[str]]:
    """Every dev cell of the chat sources and Tatoeba, by language."""
    texts: dict[str, list[str]] = {code: [] for code in CODES}
    for name in SOURCES:
        table = pq.read_table(folder / f"{name}.parquet", filters=[("split", "=", "dev")])
        for code in CODES:
            if code in table.column_names:
                texts[code] += [text for text in table[code].to_pylist() if text]
    return texts


def main() -> None:
    """Measure and print the table as Markdown."""
    texts = dev_texts(Path(sys.argv[1]))
    identifier = LanguageIdentifier()
    identifier.identify(["Load the model before the clock starts.", "好"])
    print("| language | texts | identified % | falsely off-target % | with source en % | others caught % | us/text |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    totals = []
    for code in CODES:
        own = texts[code]
        others = [text for other in CODES if other != code for text in texts[other][::12]]
        start = time.process_time()
        named = identifier.identify(own)
        seconds = time.process_time() - start
        figures = (
            100 * sum(name == code for name in named) / len(own),
            100 * sum(identifier.off_target(text, code) for text in own) / len(own),
            100 * sum(identifier.off_target(text, code, "en") for text in own) / len(own),
            100 * sum(identifier.off_target(text, code) for text in others) / len(others),
            1e6 * seconds / len(own),
        )
        totals.append(figures)
        print(f"| {code} | {len(own)} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
    means = (sum(column) / len(column) for column in zip(*totals, strict=True))
    print(f"| mean | {sum(map(len, texts.values()))} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
