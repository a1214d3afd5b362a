"""Dev chrF over time: this trainer with its teacher beside `Seq2SeqTrainer` with a dense M2M100 of equal active size.

Same data, same seconds, same threads; the two take turns in one process and are scored by the same greedy decoding.

    python benchmarks/time_to_quality.py run=runs/game_chat_small minutes=30 [turn_seconds=60] [threads=1]
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parley.config.command_line import argument, run
from parley.pipeline.errors import InputError
from parley.pipeline.newest import newest_artifact

if TYPE_CHECKING:
    from benchmarks.turns import Side
    from training.loop.trainer import Trainer


@dataclass(frozen=True)
class Arguments:
    """What is compared."""

    run: str = argument("folder of a run whose stages corpus, tokenizer and encoded are finished")
    minutes: float = argument("training time of each side", default=30.0)
    turn_seconds: float = argument("length of a turn", default=60.0)
    points: int = argument("times each side is scored", default=6)
    threads: int = argument("threads of both", default=1)
    depth: int = argument("the teacher's dial", default=4)
    update_tokens: int = argument("target tokens in an update of both", default=4000)
    learning_rate: float = argument("peak rate of the teacher", default=2e-3)
    dense_learning_rate: float = argument("peak rate of the dense model", default=1e-3)
    warmup_updates: int = argument("of both", default=200)
    dropout: float = argument("of both", default=0.0)
    precision: str = argument("of the teacher: fp32 or bf16", default="bf16")
    max_length: int = argument("tokens of a message at most", default=64)
    messages: int = argument("dev messages per direction that are translated", default=50)
    seed: int = argument("of weights and data order", default=1)


def main(arguments: Arguments) -> None:
    """Train both in turns and print the table."""
    import torch

    from benchmarks.turns import Side

    torch.set_num_threads(arguments.threads)
    bench = Bench(arguments)
    budget = arguments.minutes * 60

    def threads() -> None:
        torch.set_num_threads(arguments.threads)  # OpenMP counts them for each thread of Python

    sides = [
        Side("parley", bench.ours, budget, arguments.turn_seconds, threads),
        Side("dense", bench.dense.work, budget, arguments.turn_seconds, threads),
    ]
    print("seconds each | parley chrF (updates) | dense chrF (updates)")
    scored = 0
    while not all(side.finished for side in sides):
        for side in sides[:: 1 if scored % 2 else -1]:
            if not side.finished:
                side.take_turn()
        done = min(1.0, min(side.used for side in sides) / budget)
        if int(done * arguments.points) > scored or all(side.finished for side in sides):
            scored = int(done * arguments.points)
            bench.print_row(sides)
    bench.print_gap()


class Bench:
    """Both models, their trainings, and their scores on the same dev messages."""

    def __init__(self, arguments: Arguments) -> None:
        from benchmarks.dense_rival import DenseRival, autocast_is_faster, dense_model
        from training.batches.encoded import EncodedCorpus
        from training.batches.stream import BatchingConfig
        from training.loop.config import TrainingConfig
        from training.model.size import active_parameters
        from training.model.teacher_config import TeacherConfig
        from training.teacher import build_teacher
        from training.tokenizer import load_tokenizer
        from training.validation import TranslationValidation

        folders = {stage: finished(Path(arguments.run) / stage) for stage in ("corpus", "tokenizer", "encoded")}
        self.tokenizer = load_tokenizer(folders["tokenizer"])
        self.encoded = EncodedCorpus.open(folders["encoded"])
        self.batching = BatchingConfig(
            batch_tokens=arguments.update_tokens, max_length=arguments.max_length, seed=arguments.seed
        )
        self.training = TrainingConfig(
            max_minutes=arguments.minutes,
            update_tokens=arguments.update_tokens // 2,  # reached by one batch, though it is not quite full
            learning_rate=arguments.learning_rate,
            warmup_updates=arguments.warmup_updates,
            schedule="wsd",
            validate_every=0,
            precision=arguments.precision,
            seed=arguments.seed,
            log_every=10**9,
            dev_messages=2 * arguments.messages,
        )
        self.teacher = build_teacher(
            TeacherConfig(depth=arguments.depth, dropout=arguments.dropout), self.tokenizer, arguments.seed
        )
        active = active_parameters(self.teacher)
        model = dense_model(self.teacher.config, active)
        self.validation = TranslationValidation(
            self.encoded, folders["corpus"], self.tokenizer, self.batching, self.training
        )
        bf16 = autocast_is_faster(model, self._inputs(), rounds=3)
        total = sum(p.numel() for p in self.teacher.parameters())
        print(f"parley: {total:,} parameters, {active:,} active, {arguments.precision}")
        print(f"dense: {model.num_parameters():,} parameters, {'bf16 autocast' if bf16 else 'fp32'} (the faster here)")
        self.dense = DenseRival(
            model,
            self.encoded,
            self.tokenizer,
            self.batching,
            arguments.update_tokens,
            arguments.dense_learning_rate,
            self._schedule,
            bf16,
            arguments.minutes * 60,
            arguments.seed,
        )
        self.trainer: Trainer | None = None

    def _inputs(self) -> dict[str, Any]:
        from benchmarks.dense_rival import DirectionRows

        rows = DirectionRows(self.encoded, self.batching.max_length)
        return rows.collate([rows[i] for i in range(min(len(rows), self.batching.batch_tokens // 20))])

    def _schedule(self, update: int, progress: float) -> float:
        from training.loop.optimization import learning_rate

        return learning_rate(self.training, update, progress) / self.training.learning_rate

    def ours(self, side: "Side") -> None:
        """The teacher's training, pausing between updates."""
        from training.batches.stream import BatchStream
        from training.loop.trainer import Trainer
        from training.teacher import TeacherTask

        bench = self

        class Pausing(TeacherTask):
            def after_update(self) -> None:
                super().after_update()
                assert bench.trainer is not None
                bench.trainer.started += side.pause_point()

        with tempfile.TemporaryDirectory() as folder:
            stream = BatchStream(self.encoded, self.batching)
            self.trainer = Trainer(self.training, Pausing(self.teacher, self.validation), stream, Path(folder))
            self.trainer.started = time.monotonic()
            side.pause_point()
            self.trainer.train()

    def print_row(self, sides: "list[Side]") -> None:
        """Score both and print a line."""
        assert self.trainer is not None
        self.outputs = {"dense": self._translate(self.dense.model)}
        with self.trainer.average.applied():
            self.outputs["parley"] = self._translate(self.teacher)
        updates = {"parley": self.trainer.progress.update, "dense": self.dense.trainer.state.global_step}
        cells = [f"{self._mean(self.outputs[s.name]):6.2f} ({updates[s.name]})" for s in sides]
        print(f"{min(s.used for s in sides):12.0f} | {' | '.join(cells)}", flush=True)

    def _translate(self, model: Any) -> dict[str, list[str]]:
        from parley.decoding.translator import DecodingConfig
        from parley.languages.table import pair
        from training.model.loading import Translator

        training = model.training
        translator = Translator(model.eval(), self.tokenizer, DecodingConfig(max_new_tokens=self.batching.max_length))
        outputs = {}
        for direction, rows in self.validation.scored.items():
            source, target = pair(direction)
            outputs[direction] = translator.translate([self.validation.texts[source][r] for r in rows], target, source)
        model.train(training)
        return outputs

    def _references(self, direction: str) -> list[str]:
        from parley.languages.table import pair

        return [self.validation.texts[pair(direction)[1]][row] for row in self.validation.scored[direction]]

    def _mean(self, outputs: dict[str, list[str]]) -> float:
        from sacrebleu import corpus_chrf

        scores = [corpus_chrf(out, [self._references(direction)]).score for direction, out in outputs.items()]
        return sum(scores) / len(scores)

    def print_gap(self) -> None:
        """The final difference of the mean over directions, bootstrapped over messages."""
        from parley.metrics.chrf import Chrf, chrf_statistics
        from parley.metrics.significance import Bootstrap, mean_difference

        everything = sorted({int(row) for rows in self.validation.scored.values() for row in rows})
        place = {row: index for index, row in enumerate(everything)}
        bootstrap = Bootstrap(len(everything), 1000, 1)
        samples: dict[str, list[Any]] = {"parley": [], "dense": []}
        for direction, rows in self.validation.scored.items():
            for name, kept in samples.items():
                counts = chrf_statistics(self.outputs[name][direction], self._references(direction))
                kept.append(Chrf().scores(bootstrap.sums(counts, [place[int(row)] for row in rows])))
        low, high = mean_difference(samples["parley"], samples["dense"]).interval
        gap = self._mean(self.outputs["parley"]) - self._mean(self.outputs["dense"])
        print(f"parley - dense: {gap:+.2f} chrF [{low:+.2f}, {high:+.2f}] over {len(samples['dense'])} directions")


def finished(folder: Path) -> Path:
    """The newest finished artifact of a stage.

    Raises:
        InputError: there is none.
    """
    artifact = newest_artifact(folder)
    if artifact == folder:
        raise InputError(f"{folder}: no finished stage there; run scripts/pipeline.py first")
    return artifact


if __name__ == "__main__":
    run(main, Arguments)
