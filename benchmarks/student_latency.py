"""Time of decoding on one CPU thread: this runtime beside CTranslate2 and `transformers`, in alternating rounds.

All sides run the same random weights on the same inputs and decode the same number of tokens (the end is never taken),
so it measures speed alone. `b1`, `b32`: messages into one language; `1x3`, `1x15`: one message into several languages;
`32x3`. Messages have 16 source tokens (tag and end included) and 24 target tokens; in `mix32` 32 messages of 4 to 40
tokens, each with 1.5 times as many target tokens. Every language has a list of its own; a third of it is shared, the
rest is drawn from the whole vocabulary.

    python benchmarks/student_latency.py [layers=12+2] [rounds=5] [tasks=[b1,b32]] [width=512] [vocabulary=32000]
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import M2M100ForConditionalGeneration, PreTrainedTokenizerFast

from distillation.config import StudentConfig
from distillation.export.ctranslate2_folder import write_ctranslate2
from distillation.export.onnx_folder import write_onnx
from distillation.runtime.ctranslate2_engine import CTranslate2Engine
from distillation.runtime.engine import Engine, Request
from distillation.runtime.onnx_engine import OnnxEngine
from distillation.runtime.torch_engine import TorchEngine
from distillation.shortlists import Shortlists
from distillation.student.initialization import build_student
from distillation.student.quantization import input_ranges
from parley.config.command_line import argument, run
from parley.languages.table import CODES
from parley.pipeline.errors import InputError
from training.batches.batch import Batch

TASKS = ("b1", "b32", "1x3", "1x15", "32x3", "mix32")
SIDES = ("ct2", "ct2 shortlists", "onnx", "onnx shortlists", "torch fp32", "hf fp32", "hf bf16")
TARGETS = {"b1": 0.33, "b32": 0.42, "1x3": 0.30, "1x15": 0.25, "32x3": 0.25}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
NEVER = -1  # no piece ends a translation
Side = Callable[[], Any]


@dataclass(frozen=True)
class Arguments:
    """What is timed."""

    layers: str = argument("encoder + decoder layers", default="12+2")
    width: int = argument("width of the student", default=512)
    vocabulary: int = argument("pieces", default=32000)
    pieces: int = argument("pieces on the list of each language", default=4000)
    rounds: int = argument("rounds in which every side is timed once", default=5)
    threads: int = argument("threads of every side", default=1)
    clock: str = argument("wall, or cpu: time of the processor, for a machine that others use too", default="wall")
    tasks: list[str] = argument("of b1, b32, 1x3, 1x15, 32x3, mix32", default=list(TASKS))
    sides: list[str] = argument("of ct2 (always), ct2 shortlists, onnx, onnx shortlists, torch fp32, hf fp32, hf bf16",
                                default=list(SIDES))  # fmt: skip
    out: str = argument("file for the figures as JSON; empty for none", default="")


@dataclass(frozen=True)
class Task:
    """Messages (tag first, end last), the languages each is wanted in, and tokens to decode of each."""

    sources: list[list[int]]
    targets: list[str]
    lengths: list[int]


def make_task(name: str, vocabulary: int) -> Task:
    """Random messages of a task."""
    draw = np.random.default_rng(TASKS.index(name))
    count = {"b1": 1, "b32": 32, "mix32": 32, "32x3": 32}.get(name, 1)
    sizes = draw.integers(4, 41, count) if name == "mix32" else np.full(count, 16)
    languages = {"1x3": 3, "1x15": 15, "32x3": 3}.get(name, 1)
    sources = [[4, *draw.integers(30, vocabulary, size - 2).tolist(), 2] for size in sizes]
    lengths = [int(1.5 * size) for size in sizes]
    return Task(sources, list(CODES[1 : 1 + languages]), lengths)


def random_batch(vocabulary: int) -> Batch:
    """What fixed scales are taken from."""
    ids = torch.randint(30, vocabulary, (64, 16), generator=torch.Generator().manual_seed(0))
    languages = torch.zeros(64, dtype=torch.long)
    return Batch(ids, torch.ones_like(ids), ids, ids, languages, languages, ids.numel())


def random_shortlists(vocabulary: int, pieces: int) -> Shortlists:
    """A third of a shortlist is shared, the rest is each language's own choice."""
    draw = np.random.default_rng(0)
    shared, own = np.arange(pieces // 3), pieces - pieces // 3
    shortlists = {
        code: np.union1d(shared, draw.choice(np.arange(pieces // 3, vocabulary), own, replace=False)).tolist()
        for code in CODES
    }
    return Shortlists(vocabulary, "", shortlists, {})


def save_student(arguments: Arguments, folder: Path) -> M2M100ForConditionalGeneration:
    """Random weights and a vocabulary of invented pieces, saved."""
    from tokenizers import Tokenizer, models

    try:
        encoder, decoder = map(int, arguments.layers.split("+"))
    except ValueError as error:
        raise InputError(f"layers={arguments.layers}: write ENCODER+DECODER, such as 12+2") from error
    config = StudentConfig(arguments.width, encoder, decoder, 4 * arguments.width, start="random")
    student = build_student(config, arguments.vocabulary, 0).eval()
    names = ["<s>", "<pad>", "</s>", "<unk>"] + [f"piece{place}" for place in range(4, arguments.vocabulary)]
    model = models.BPE(vocab={name: place for place, name in enumerate(names)}, merges=[], unk_token="<unk>")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(model), bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    student.save_pretrained(folder)
    tokenizer.save_pretrained(str(folder))
    return student


def tag_of(code: str) -> int:
    """Id that stands for a language's tag."""
    return 4 + CODES.index(code)


def with_engine(engine: Engine, task: Task, shortlists: Shortlists | None) -> Side:
    """Encode once, decode into the languages."""

    def side() -> None:
        messages = engine.encode(task.sources)
        requests = [
            Request(message, target, tag_of(target), length)
            for message, length in zip(messages, task.lengths, strict=True)
            for target in task.targets
        ]
        found = engine.decode(requests, shortlists)
        assert [len(tokens) for tokens in found] == [request.limit for request in requests]

    return side


class ForcedCTranslate2(CTranslate2Engine):
    """CTranslate2 that decodes as many tokens as it is told."""

    def _decode(self, requests: Sequence[Request], translator: Any, shortlists: Shortlists | None) -> list[list[int]]:
        limits = [request.limit for request in requests]
        translator.translate_batch(
            [[self.names[token] for token in request.message.tokens] for request in requests],
            target_prefix=[[self.names[request.tag]] for request in requests],
            beam_size=1,
            max_decoding_length=max(limits) + 1,
            min_decoding_length=max(limits) + 1,
            use_vmap=shortlists is not None,
        )
        return [[0] * limit for limit in limits]

    def decode(self, requests: Sequence[Request], shortlists: Shortlists | None) -> list[list[int]]:
        """Without shortlists all languages are one batch, as a user would have it."""
        if shortlists is None:
            return self._decode(requests, self._translator("", None), None)
        return super().decode(requests, shortlists)


def with_transformers(student: M2M100ForConditionalGeneration, task: Task, dtype: torch.dtype) -> Side:
    """`generate`, all languages in one batch."""
    model = M2M100ForConditionalGeneration.from_pretrained(student.name_or_path, dtype=dtype).eval()
    rows = [source for source in task.sources for _ in task.targets]
    longest, steps = max(map(len, rows)), max(task.lengths)
    ids = torch.tensor([[*row, *[1] * (longest - len(row))] for row in rows])
    starts = torch.tensor([[tag_of(target)] for _ in task.sources for target in task.targets])

    def side() -> None:
        with torch.inference_mode():
            model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = int(starts[0])
            model.generate(
                ids, attention_mask=(ids != 1).long(), decoder_input_ids=starts, num_beams=1, do_sample=False,
                min_new_tokens=steps, max_new_tokens=steps,
            )  # fmt: skip

    return side


def sides_of(arguments: Arguments, folder: Path, student: M2M100ForConditionalGeneration) -> dict[str, Any]:
    """Makers of a side for a task, by name."""
    shortlists = random_shortlists(arguments.vocabulary, arguments.pieces)
    write_ctranslate2(folder, folder / "ctranslate2", shortlists)
    write_onnx(student, folder / "onnx", input_ranges(student, [random_batch(arguments.vocabulary)]))
    ct2 = ForcedCTranslate2(folder / "ctranslate2", arguments.threads)
    onnx = OnnxEngine(folder / "onnx", NEVER, 1, arguments.threads)
    plain = TorchEngine.load(folder, NEVER)
    student.name_or_path = str(folder)
    makers = {
        "ct2": lambda task: with_engine(ct2, task, None),
        "ct2 shortlists": lambda task: with_engine(ct2, task, shortlists),
        "onnx": lambda task: with_engine(onnx, task, None),
        "onnx shortlists": lambda task: with_engine(onnx, task, shortlists),
        "torch fp32": lambda task: with_engine(plain, task, shortlists),
        "hf fp32": lambda task: with_transformers(student, task, torch.float32),
        "hf bf16": lambda task: with_transformers(student, task, torch.bfloat16),
    }
    unknown = [name for name in arguments.sides if name not in makers]
    if unknown:
        raise InputError(f"unknown sides {', '.join(unknown)}; valid: {', '.join(makers)}")
    return {name: make for name, make in makers.items() if name in ("ct2", *arguments.sides)}


def main(arguments: Arguments) -> None:
    """Print milliseconds and the time relative to plain CTranslate2 int8 of the same round."""
    if arguments.clock not in CLOCKS:
        raise InputError(f"clock={arguments.clock}: choose one of {', '.join(CLOCKS)}")
    torch.set_num_threads(arguments.threads)
    figures: dict[str, Any] = {"layers": arguments.layers, "width": arguments.width, "tasks": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        makers = sides_of(arguments, folder, save_student(arguments, folder))
        print(f"{arguments.layers} layers, width {arguments.width}, {arguments.vocabulary} pieces, shortlists of")
        print(f"{arguments.pieces}, {arguments.threads} thread(s): ms, and time relative to ct2 [least-most]")
        for task_name in arguments.tasks:
            task = make_task(task_name, arguments.vocabulary)
            sides = {side: make(task) for side, make in makers.items()}
            figures["tasks"][task_name] = time_sides(task_name, sides, arguments.rounds, CLOCKS[arguments.clock])
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def time_sides(task: str, sides: dict[str, Side], rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Time every side once a round, after one warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            start = clock()
            side()
            if number:
                seconds[name].append(clock() - start)
    target = f" (target {TARGETS[task]})" if task in TARGETS else ""
    print(f"{task}{target}")
    found = {}
    for name, values in seconds.items():
        ratios = sorted(own / base for own, base in zip(values, seconds["ct2"], strict=True))
        found[name] = {"ms": 1000 * statistics.median(values), "ratio": statistics.median(ratios), "ratios": ratios}
        print(
            f"  {name:11} {found[name]['ms']:9.1f} ms  {found[name]['ratio']:5.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]"
        )
    return found


if __name__ == "__main__":
    run(main, Arguments)
