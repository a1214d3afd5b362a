"""Decoding beside `generate` of the same model at batch 64: sentences/s in alternating rounds, and equal outputs.

    python benchmarks/decoding.py MODEL_FOLDER TEST_FILE [directions] [messages] [beams] [rounds]

TEST_FILE is Parquet with a column per language; the messages of each direction are taken in file order. `generate` gets
them in batches of 64, sorted by length too and unsorted, as its users write it. Both sides stop at the same length.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow.parquet as pq
import torch

from training.languages import pair
from training.translate import DecodingConfig, Translator, tag_id

BATCH, MOST_TOKENS = 64, 64
Request = tuple[str, str, str]  # text, source, target


def requests(file: str, directions: Sequence[str], messages: int) -> list[Request]:
    """The first messages of every direction that have both sides."""
    table = pq.read_table(file)
    found: list[Request] = []
    for source, target in map(pair, directions):
        columns = zip(table[source].to_pylist(), table[target].to_pylist(), strict=True)
        texts = [text for text, other in columns if text and other]
        found += [(text, source, target) for text in texts[:messages]]
    return found


def with_generate(translator: Translator, wanted: Sequence[Request], beams: int) -> list[str]:
    """`transformers`' own decoding, a direction and 64 messages at a time."""
    results: list[str] = []
    model: Any = translator.model  # `generate` is a tensor or a module to a type checker
    tokenizer = translator.tokenizer
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        pieces = translator._encode_pieces([text for text, _, _ in part], [source for _, source, _ in part])
        ids, mask = translator._padded(pieces)
        tags = [tag_id(tokenizer, target) for _, _, target in part]
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=ids, attention_mask=mask, decoder_start_token_id=tags, num_beams=beams, do_sample=False,
                max_new_tokens=MOST_TOKENS, early_stopping=False, length_penalty=1.0,
            )  # fmt: skip
        results += [text.strip() for text in tokenizer.batch_decode(tokens, skip_special_tokens=True)]
    return results


def main() -> None:
    """Print sentences/s, ratios and the share of equal outputs."""
    folder, file = sys.argv[1:3]
    directions, messages, beams, rounds = (sys.argv[3:] + ["en-fr,fr-en", "128", "1", "5"][len(sys.argv) - 3 :])[:4]
    torch.set_num_threads(1)
    config = DecodingConfig(int(beams), max_new_tokens=MOST_TOKENS, length_factor=0.0, batch_size=BATCH)
    translator = Translator.load(folder, config)
    wanted = requests(file, directions.split(","), int(messages))
    by_length = sorted(wanted, key=lambda request: len(translator.tokenizer.tokenize(request[0])))
    texts, sources, targets = ([request[field] for request in wanted] for field in range(3))
    sides: dict[str, Callable[[], list[str]]] = {
        "this": lambda: translator.translate_many(texts, sources, targets),
        "generate": lambda: with_generate(translator, wanted, int(beams)),
        "generate, sorted": lambda: with_generate(translator, by_length, int(beams)),
    }
    outputs = {name: side() for name, side in sides.items()}
    equal = sum(a == b for a, b in zip(outputs["this"], outputs["generate"], strict=True))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(int(rounds)):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - start)
    print(f"{len(wanted)} messages, {directions}, beam {beams}, batch {BATCH}, one thread, {rounds} rounds")
    print(f"  equal outputs: {equal} of {len(wanted)}")
    for name, times in seconds.items():
        ratios = sorted(t / ours for t, ours in zip(times, seconds["this"], strict=True))
        rate, ratio = len(wanted) / statistics.median(times), statistics.median(ratios)
        print(f"  {name:18} {rate:8.1f} sentences/s   this is {ratio:.2f}x [{ratios[0]:.2f}-{ratios[-1]:.2f}]")


if __name__ == "__main__":
    main()
