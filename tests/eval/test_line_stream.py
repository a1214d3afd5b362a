"""Lines in, lines out: order, blanks, flushing, and input that is not text."""

import io
import json
import os
from collections.abc import Sequence

import pytest

from eval import line_stream
from eval.line_stream import translate_lines
from parley.decoding.protocols import Detection
from parley.pipeline.errors import InputError


class Shouts:
    """Translates into capitals."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int]] = []

    def translate_many(self, texts: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
        self.calls.append((sources[0], targets[0], len(texts)))
        return [text.upper() for text in texts]


def through(data: bytes, batch_size: int = 3) -> tuple[str, Shouts]:
    system, sink = Shouts(), io.BytesIO()
    translate_lines(system, io.BytesIO(data), sink, "auto", "th", batch_size)
    return sink.getvalue().decode(), system


def test_a_line_each_in_order() -> None:
    lines = [f"line {i}" for i in range(20)]
    out, system = through("\n".join(lines).encode())
    assert out == "".join(f"{line.upper()}\n" for line in lines)
    assert all(call[:2] == ("auto", "th") and call[2] <= 3 for call in system.calls)


def test_blank_lines_stay_and_cost_nothing() -> None:
    out, system = through(b"\na\r\n   \n\n")
    assert out == "\nA\n\n\n"
    assert sum(call[2] for call in system.calls) == 1


def test_detected_languages_are_json() -> None:
    sink = io.BytesIO()
    named = [Detection("ja", 0.98765), Detection("en", 0.5)]
    translate_lines(Shouts(), io.BytesIO("はい ok\n\nno\n".encode()), sink, "auto", "th", detect=lambda _: named)
    first, blank, last, end = sink.getvalue().decode().split("\n")
    assert json.loads(first) == {"translation": "はい OK", "source_lang": "ja", "probability": 0.9877}
    assert json.loads(last) == {"translation": "NO", "source_lang": "en", "probability": 0.5}
    assert blank == end == ""


def test_no_input_no_output() -> None:
    assert through(b"")[0] == ""


def test_invalid_utf8_names_the_line_after_answering_those_before() -> None:
    sink = io.BytesIO()
    with pytest.raises(InputError, match="line 3 of the input is not valid UTF-8"):
        translate_lines(Shouts(), io.BytesIO(b"a\nb\n\xff\nc\n"), sink, "auto", "th", 2)
    assert sink.getvalue() == b"A\nB\n"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("read of closed file")])
def test_input_that_fails_is_one_line_after_the_answers(error: Exception) -> None:
    class Fails(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            line = super().readline(size)
            if not line:
                raise error
            return line

    sink = io.BytesIO()
    with pytest.raises(InputError, match="cannot read the input any further"):
        translate_lines(Shouts(), Fails(b"a\nb\n"), sink, "auto", "th")
    assert sink.getvalue() == b"A\nB\n"


def test_a_line_of_any_size_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_stream, "MAX_LINE_BYTES", 10)
    sink = io.BytesIO()
    with pytest.raises(InputError, match="longer than 10 bytes"):
        translate_lines(Shouts(), io.BytesIO(b"a\n" + b"b" * 1000), sink, "auto", "th")
    assert sink.getvalue() == b"A\n"


def test_an_answer_comes_before_the_next_line() -> None:
    read_end, write_end = os.pipe()

    class Talks(io.BytesIO):
        def flush(self) -> None:
            if self.getvalue() == b"ONE\n":
                os.write(write_end, b"two\n")
                os.close(write_end)

    os.write(write_end, b"one\n")
    sink = Talks()
    with os.fdopen(read_end, "rb") as source:
        translate_lines(Shouts(), source, sink, "en", "fr", 64)
    assert sink.getvalue() == b"ONE\nTWO\n"


def test_batch_size_is_checked() -> None:
    with pytest.raises(InputError, match="batch_size=0"):
        through(b"a", 0)
