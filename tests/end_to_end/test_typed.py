"""However a message was typed, a trained model answers it alike. `DEMO_RUN=runs/demo` names a run to try it on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.systems.loading import load_translator
from eval.systems.named_model import named_model
from parley.corpus.store import Corpus
from parley.decoding.protocols import TranslatesMany
from parley.languages.table import CODES
from tests.parley.languages.typed import CHANGES

RUN = Path(os.environ.get("DEMO_RUN", "nowhere"))
EACH = 4  # messages of a language


def messages() -> Iterator[tuple[str, str]]:
    corpus = Corpus.open(next(path.parent for path in RUN.glob("corpus/*/manifest.json")))
    table = corpus.held_out("test", corpus.languages)
    for code in filter(corpus.languages.__contains__, CODES):
        yield from [(code, text) for text in table[code].to_pylist() if text and len(text) > 6][:EACH]


def engines() -> Iterator[tuple[str, TranslatesMany]]:
    yield "teacher", load_translator(named_model(RUN / "teacher").path, device="cpu")
    for export in RUN.glob("student_export/*/manifest.json"):
        from distillation.runtime.student_runtime import StudentRuntime

        yield from ((engine, StudentRuntime.load(export.parent, engine)) for engine in ("onnx", "ctranslate2"))


@pytest.mark.skipif(not RUN.is_dir(), reason="DEMO_RUN names no run")
@pytest.mark.timeout(0)
def test_a_trained_model_answers_alike() -> None:
    codes, clean = zip(*messages(), strict=True)
    targets = ["fr" if code == "en" else "en" for code in codes]
    for engine, model in engines():
        expected = model.translate_many(clean, codes, targets)
        assert len(set(expected)) > len(clean) / 4
        for name, change in CHANGES.items():
            assert model.translate_many([*map(change, clean)], codes, targets) == expected, (engine, name)


@pytest.mark.skipif(not RUN.is_dir(), reason="DEMO_RUN names no run")
def test_plain_transformers_feeds_it_alike() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(named_model(RUN / "teacher").path)
    clean = [text for _, text in messages()]
    for change in CHANGES.values():
        assert tokenizer([*map(change, clean)])["input_ids"] == tokenizer(clean)["input_ids"]
