"""One training step of the student with cached token-level targets beside plain cross-entropy, alternating.

Both sides are the student's whole step: batch, forward, loss, backward, AdamW on fp32 masters. The distilling side also
reads its targets from the memory-mapped cache. `loss only` is the same without encoder and decoder layers' work: the
part that the objective changes.

    python benchmarks/kd_step.py [rounds=15] [width=256] [vocabulary=16000] [messages=128] [top_k=8] [precision=bf16]
"""

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.alternating import Ratio, alternate
from distillation.config import ObjectiveConfig, StudentConfig
from distillation.objective import TeacherTargets, linear_distillation
from distillation.student.initialization import build_student
from distillation.student.training_task import StudentInTraining, StudentTask
from distillation.targets.batches import BatchWithTargets
from distillation.targets.token_cache import FILES, TokenTargets, write_targets
from parley.config.command_line import argument, run
from training.batches.batch import Batch
from training.loop.precision import Masters
from training.model.loss import linear_cross_entropy

LENGTH = 16
Step = Callable[[], None]


@dataclass(frozen=True)
class Arguments:
    """What is timed."""

    rounds: int = argument("timed steps of every side", default=15)
    width: int = argument("width of the student", default=256)
    vocabulary: int = argument("pieces", default=16000)
    messages: int = argument("messages of 16 tokens in a step", default=128)
    top_k: int = argument("pieces kept for each target position", default=8)
    precision: str = argument("fp32 or bf16 (working weights)", default="bf16")
    threads: int = argument("threads of PyTorch", default=1)


def random_batch(arguments: Arguments) -> Batch:
    """Full rows of random tokens."""
    source, target = (torch.randint(30, arguments.vocabulary, (arguments.messages, LENGTH)) for _ in range(2))
    source[:, 0], target[:, 0] = 4, 5
    languages = torch.zeros(arguments.messages, dtype=torch.long)
    mask = torch.ones_like(source)
    return Batch(source, mask, target, target.roll(-1, 1), languages, languages, target.numel())


def write_cache(folder: Path, batch: Batch, arguments: Arguments) -> TokenTargets:
    """A cache of one batch in the files that training reads."""
    count = batch.target_tokens
    ids_TK = torch.stack([torch.randperm(arguments.vocabulary)[: arguments.top_k] for _ in range(count)])
    shares_TK = torch.rand(count, arguments.top_k + 1).softmax(-1)
    targets = TeacherTargets(ids_TK, shares_TK[:, :-1], shares_TK[:, -1])
    write_targets(folder, [targets], [count], arguments.vocabulary)
    for name in FILES:
        (folder / name).rename(folder / f"000000.{name}")
    return TokenTargets(folder)


def training_step(arguments: Arguments, batch: Batch, cache: TokenTargets | None) -> Step:
    """A whole step; with the cache the student is distilled, without it learns from the labels alone."""
    config = StudentConfig(arguments.width, ffn_dim=4 * arguments.width, start="random")
    student = build_student(config, arguments.vocabulary, 0)
    student.set_attn_implementation("eager")
    model = StudentInTraining(student).train()
    masters = Masters(model, torch.bfloat16 if arguments.precision == "bf16" else torch.float32)
    optimizer = torch.optim.AdamW([bucket.master for bucket in masters.buckets], lr=1e-4)
    objective = ObjectiveConfig() if cache else None
    task = StudentTask(model, None, objective, smoothing=0.1)  # type: ignore[arg-type]  # nothing is validated

    def step() -> None:
        given = BatchWithTargets(batch, cache.of(0, batch) if cache else None)
        task.loss(given).loss_sum.div(batch.target_tokens).backward()
        masters.collect()
        for bucket in masters.buckets:
            bucket.master.grad = bucket.master_gradient
        optimizer.step()
        masters.publish()
        masters.clear_gradients()

    return step


def loss_step(arguments: Arguments, batch: Batch, cache: TokenTargets | None) -> Step:
    """Loss and gradients from ready-made states."""
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    states_TD = torch.randn(batch.target_tokens, arguments.width).to(dtype).requires_grad_()
    head_VD = (torch.randn(arguments.vocabulary, arguments.width) * arguments.width**-0.5).to(dtype).requires_grad_()
    labels_T = batch.labels.flatten()

    def step() -> None:
        if cache is None:
            total: Tensor = linear_cross_entropy(states_TD, head_VD, labels_T, 0.1)[0]
        else:
            total = linear_distillation(states_TD, head_VD, labels_T, cache.of(0, batch), 0.7).total
        torch.autograd.grad(total, (states_TD, head_VD))

    return step


def main(arguments: Arguments) -> None:
    """Print milliseconds of each side, and the ratio of each round."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    batch = random_batch(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cache = write_cache(Path(folder), batch, arguments)
        for name, make in (("step", training_step), ("loss only", loss_step)):
            sides = {"plain": make(arguments, batch, None), "distilled": make(arguments, batch, cache)}
            report(name, sides, arguments.rounds)


def report(name: str, sides: dict[str, Step], rounds: int) -> None:
    """Time both sides in turn and print the figures."""
    seconds = alternate(sides, rounds, warm_up=2)
    ratio = Ratio.of(seconds["distilled"], seconds["plain"])
    times = ", ".join(f"{side} {1000 * statistics.median(values):.1f} ms" for side, values in seconds.items())
    print(f"{name}: {times}; distilled / plain {ratio:.3f}")


if __name__ == "__main__":
    run(main, Arguments)
