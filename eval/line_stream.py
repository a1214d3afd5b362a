"""A stream of lines through a translator: large batches for a file, at once for someone who types."""

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from parley.decoding.protocols import Detection, TranslatesMany
from parley.languages.normalisation import normalised_text
from parley.pipeline.errors import InputError

MAX_LINE_BYTES: Final = 16_000_000


def translate_lines(
    translator: TranslatesMany,
    source: BinaryIO,
    sink: BinaryIO,
    source_lang: str,
    target_lang: str,
    batch_size: int = 64,
    detect: Callable[[Sequence[str]], Sequence[Detection]] | None = None,
) -> None:
    """Write one translation for each line read, in order, flushed batch by batch.

    Lines without a visible character stay blank.

    Args:
        detect: names source languages; a line is then JSON: `translation`, `source_lang`, `probability`.

    Raises:
        InputError: batch_size below 1, a line that is not UTF-8 or too long, or input that cannot be read; the lines
            before it have been answered.
    """
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: at least 1")
    number = 0
    for batch in _batches(source, batch_size):
        texts, broken = _decoded(batch)
        filled = [text for text in texts if text]
        count = len(filled)
        said = translator.translate_many(filled, [source_lang] * count, [target_lang] * count) if filled else []
        tidy = [" ".join(answer.splitlines()) for answer in said]
        answers = map(_json, tidy, detect(filled)) if detect and filled else iter(tidy)
        lines = (next(answers) if text else "" for text in texts)
        sink.write("".join(f"{line}\n" for line in lines).encode())
        sink.flush()
        number += len(texts)
        if broken:
            raise InputError(f"line {number + 1} of the input is not valid UTF-8")


def _json(translation: str, detection: Detection) -> str:
    found = {"source_lang": detection.code, "probability": round(detection.probability, 4)}
    return json.dumps({"translation": translation, **found}, ensure_ascii=False)


def _decoded(batch: list[bytes]) -> tuple[list[str], bool]:
    """Normalised texts up to the first line that is not UTF-8, and whether there is one."""
    texts = []
    for line in batch:
        try:
            texts.append(normalised_text(line.decode("utf-8")))
        except UnicodeDecodeError:
            return texts, True
    return texts, False


def _batches(source: BinaryIO, batch_size: int) -> Iterator[list[bytes]]:
    """Whatever lines have arrived, at least one: a reader runs ahead while the model works."""
    lines: queue.Queue[bytes | None] = queue.Queue(maxsize=4 * batch_size)
    failed: list[Exception] = []

    def read() -> None:
        try:
            while line := source.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES:
                    raise InputError(
                        f"a line of the input is longer than {MAX_LINE_BYTES:,} bytes, the most there may be"
                    )
                lines.put(line)
        except Exception as error:
            failed.append(error)
        finally:
            lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    ended = False
    while not ended:
        batch = [lines.get()]
        while batch[-1] is not None and len(batch) < batch_size and not lines.empty():
            batch.append(lines.get())
        ended = batch[-1] is None
        arrived = [line for line in batch if line is not None]
        if arrived:
            yield arrived
    if failed:
        raise InputError(f"cannot read the input any further: {failed[0]}") from failed[0]
