"""The stage that asks the teacher about the batches that the student will be trained on.

The plan of batches is a function of corpus, config and seed, and each of its chunks can be planned apart from the
others (`training.batches.stream`): a shard is a stretch of one chunk.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from distillation.config import ObjectiveConfig, TokenTargetsConfig
from parley.pipeline.atomic import link_or_copy, remove
from parley.pipeline.errors import InputError
from parley.pipeline.shards import shard_folders
from parley.pipeline.stage import Needs, Shard, Stage, transient
from training.batches.bucketing import CHUNK_BATCHES
from training.batches.stream import BatchingConfig
from training.loop.config import TrainingConfig

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from training.batches.batch import Batch

SHARDS_OF_CHUNK: Final = 4  # each of about 100 batches


@dataclass(frozen=True)
class TokenTargetsStageConfig:
    """What decides the cache of token-level targets.

    Attributes:
        tokens: pieces, size.
        batching: the plan.
        labels: how many are covered, about.
        temperature: of the teacher's distributions.
        share: of the messages that come from the teacher's translations.
        precision: of the teacher's forward.
        device: `auto` or `cpu`.
    """

    tokens: TokenTargetsConfig
    batching: BatchingConfig
    labels: int
    temperature: float = 1.0
    share: float = 0.0
    precision: str = "auto"
    device: str = transient("auto")


class TokenTargetsStage(Stage[TokenTargetsStageConfig]):
    """Asks `teacher` about the batches that training on `encoded` (and `sequence_targets`) will take."""

    name = "token_targets"
    version: ClassVar[int] = 2  # stretches of chunks
    keeps_work: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs(memory_gb=8.0, accelerators=1)

    def check(self) -> None:
        """Hold the size against the limit.

        Raises:
            InputError: the cache may become larger than `max_gigabytes`.
        """
        from distillation.targets.token_cache import bytes_per_token

        config = self.config.tokens
        size = self.config.labels * bytes_per_token(config.top_k, 1 << 32) / 1e9
        if size > config.max_gigabytes:
            raise InputError(
                f"token targets may take {size:.1f} GB, more than distillation.tokens.max_gigabytes="
                f"{config.max_gigabytes:g}: cache fewer tokens (distillation.tokens.tokens), fewer pieces (top_k), or "
                "use mode=online"
            )

    def shards(self, inputs: Mapping[str, Path]) -> list[Shard]:
        """As many stretches of the plan as hold the labels that are wanted."""
        chunk = CHUNK_BATCHES * self.config.batching.batch_tokens
        count = -(-self.config.labels * SHARDS_OF_CHUNK // chunk)
        return [Shard(f"{number:06d}", {"number": number}) for number in range(count)]

    def run_shard(self, shard: Shard, out: Path, inputs: Mapping[str, Path]) -> None:
        """Ask about the batches of a stretch, and write the answers; see `token_cache`.

        Raises:
            InputError: teacher and corpus have different vocabularies.
        """
        import torch

        from distillation.targets.token_cache import write_targets
        from distillation.teacher import ask_teacher

        config = self.config
        device = torch.device("cpu" if config.device == "cpu" or not torch.cuda.is_available() else "cuda")
        batches = list(self._batches(shard.task["number"], inputs))
        teacher = _teacher(inputs["teacher"], device, config.precision)
        targets = [ask_teacher(teacher, batch.to(device), config.tokens.top_k, config.temperature) for batch in batches]
        write_targets(out, targets, [batch.target_tokens for batch in batches], teacher.config.vocab_size)

    def merge(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Lay the shards beside one another; facts: `tokens`, `batches`, `bytes`."""
        from distillation.targets.token_cache import FILES, TokenTargets

        _teacher.cache_clear()
        for folder in shard_folders(out):
            for name in FILES:
                remove(out / f"{folder.name}.{name}")
                link_or_copy(folder / name, out / f"{folder.name}.{name}")
        cache = TokenTargets(out)
        size = sum(path.stat().st_size for path in out.glob("*.npy"))
        return {"tokens": int(cache.tokens.sum()), "batches": len(cache), "bytes": size}

    def _batches(self, number: int, inputs: Mapping[str, Path]) -> "Iterator[Batch]":
        """The batches of a stretch."""
        from distillation.targets.batches import training_batches
        from training.batches.encoded import EncodedCorpus
        from training.tokenizer import check_vocabulary

        encoded = EncodedCorpus.open(inputs["encoded"])
        check_vocabulary(inputs["teacher"], encoded.vocabulary_digest)
        stream = training_batches(inputs, encoded, self.config.share, self.config.batching)
        chunk, part = divmod(number, SHARDS_OF_CHUNK)
        length = stream.chunk_length(chunk)
        start, stop = (length * (part + step) // SHARDS_OF_CHUNK for step in range(2))
        stream.load_state_dict({"chunk": chunk, "batch": start})
        yield from islice(stream, stop - start)


def wanted_labels(
    tokens: TokenTargetsConfig, objective: ObjectiveConfig, training: TrainingConfig, batching: BatchingConfig
) -> int:
    """Labels to cache: as set, or as many as training will see while the teacher has a weight.

    Raises:
        InputError: training has a budget in minutes alone.
    """
    if tokens.tokens:
        return tokens.tokens
    updates = training.max_updates if objective.lasts else objective.alpha_updates
    by_updates = updates * (training.update_tokens + batching.batch_tokens - 1)  # of an update, at most
    budgets = [budget for budget in (training.max_tokens, by_updates) if budget]
    if not budgets:
        raise InputError("training has a budget in minutes alone: set distillation.tokens.tokens")
    return min(budgets)


@lru_cache(maxsize=1)
def _teacher(folder: Path, device: "torch.device", precision: str) -> "PreTrainedModel":
    """The teacher, kept from shard to shard."""
    from distillation.teacher import load_teacher
    from training.loop.precision import choose_precision

    return load_teacher(folder, device, choose_precision(precision, device))
