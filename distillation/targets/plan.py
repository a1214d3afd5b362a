"""Which batches the student will be taught on, and what the teacher's answers to them depend on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from distillation.config import DistillationConfig, TokenTargetsConfig
from parley.pipeline.errors import InputError
from training.batches.stream import BatchingConfig
from training.loop.config import TrainingConfig

if TYPE_CHECKING:
    from distillation.targets.token_targets import Identity
    from training.batches.encoded import EncodedCorpus
    from training.batches.prefetch import StreamLike

SEQUENCES: Final = "sequence_targets"
TOKENS: Final = "token_targets"


@dataclass(frozen=True)
class CutConfig:
    """What the content of the cache depends on besides teacher and data.

    Attributes:
        tokens: pieces, draws, shards.
        temperature: of the teacher's distributions.
        share: of the batches that come from the teacher's translations.
    """

    tokens: TokenTargetsConfig
    temperature: float = 1.0
    share: float = 0.0


def wanted_labels(tokens: TokenTargetsConfig, training: TrainingConfig, batching: BatchingConfig) -> int:
    """Labels to cache: as set, or as many as training will see.

    Raises:
        InputError: training has a budget in minutes alone.
    """
    if tokens.tokens:
        return tokens.tokens
    by_updates = training.max_updates * (training.update_tokens + batching.batch_tokens - 1)  # of an update, at most
    budgets = [budget for budget in (training.max_tokens, by_updates) if budget]
    if not budgets:
        raise InputError("training has a budget in minutes alone: set distillation.tokens.tokens")
    return min(budgets)


def cut_of(distillation: DistillationConfig) -> CutConfig:
    """What of the settings the cache depends on."""
    return CutConfig(distillation.tokens, distillation.objective.temperature, distillation.sequences.share)


def plan(
    inputs: Mapping[str, Path],
    encoded: "EncodedCorpus",
    share: float,
    batching: BatchingConfig,
    rank: int = 0,
    world: int = 1,
) -> "StreamLike":
    """Batches of a process: human data, and with `sequence_targets` a share from the teacher's translations.

    The order over all processes is that of one process, so the cache serves any number of them.
    """
    from distillation.targets.batches import EveryNth, MixedStream
    from distillation.targets.sequence_targets import SequenceStream
    from training.batches.stream import BatchStream

    if SEQUENCES not in inputs:
        return BatchStream(encoded, batching, "train", rank, world)
    mixed = MixedStream(
        BatchStream(encoded, batching, "train"),
        SequenceStream(inputs[SEQUENCES], batching),
        share,
    )
    return EveryNth(mixed, rank, world) if world > 1 else mixed


def identity_of(
    inputs: Mapping[str, Path], encoded: "EncodedCorpus", cut: CutConfig, batching: BatchingConfig
) -> "Identity":
    """What a cache of token-level targets must be of.

    Raises:
        InputError: teacher and corpus have different vocabularies.
    """
    from distillation.targets.token_targets import Identity, corpus_digest, plan_digest, weights_digest
    from training.batches.encoded import EncodedCorpus
    from training.tokenizer import check_vocabulary

    check_vocabulary(inputs["teacher"], encoded.vocabulary_digest)
    facts: list[Any] = [asdict(batching)]
    if SEQUENCES in inputs:
        sequences = EncodedCorpus.open(inputs[SEQUENCES] / "encoded")
        facts += [cut.share, corpus_digest(sequences)]
    tokens = cut.tokens
    return Identity(
        teacher=weights_digest(inputs["teacher"]),
        vocabulary=encoded.vocabulary_digest,
        corpus=corpus_digest(encoded),
        plan=plan_digest(facts),
        top_k=tokens.top_k,
        temperature=cut.temperature,
        sampled=tokens.sampled,
        seed=batching.seed if tokens.sampled else 0,
    )
