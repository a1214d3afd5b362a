"""Token-level targets on disk: for each label of the first N batches of a plan, K pieces, their shares, and the tail.

A plan of batches is a function of corpus, config and seed alone (`training.batches.stream`), so the cache follows the
plan: it is read from front to back beside the batches, holds exactly what training will ask for, and goes round when
training is longer. A shard is three files, written whole; the last marks it done, so a killed run goes on after it.

    shard-00000.ids.npy     (tokens, K) uint16 or uint32, memory-mapped
    shard-00000.shares.npy  (tokens, K + 1) float16: probabilities, then the tail; memory-mapped
    shard-00000.json        tokens and checksum of each batch, and where the plan stands after it
    targets.json            what they were made from: teacher, corpus, vocabulary, plan, K, temperature
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from transformers import PreTrainedModel

from distillation.config import TokenTargetsConfig
from distillation.objective import TeacherTargets
from distillation.teacher import ask_teacher
from parley.pipeline.atomic import replacing, write_json
from parley.pipeline.errors import InputError
from parley.pipeline.progress import progress_bar, say
from training.batches.batch import Batch
from training.batches.encoded import EncodedCorpus
from training.batches.prefetch import StreamLike

META: Final = "targets.json"
SHARD_BATCHES: Final = 200  # batches in a file; a killed run goes on with the next file
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Identity:
    """What a cache is of; all must agree with the training that reads it.

    Attributes:
        teacher: digest of the teacher's weights.
        vocabulary: digest of the vocabulary.
        corpus: digest of the encoded corpus.
        plan: digest of what decides the batches.
        top_k, temperature, sampled, seed: how distributions were cut.
    """

    teacher: str
    vocabulary: str
    corpus: str
    plan: str
    top_k: int
    temperature: float
    sampled: bool
    seed: int

    def check(self, found: Mapping[str, Any], folder: Path) -> None:
        """Hold a cache's identity against this one.

        Raises:
            InputError: they differ; the message says in what.
        """
        for name, wanted in asdict(self).items():
            if found.get(name) != wanted:
                raise InputError(
                    f"{folder}: token targets of another {name} ({found.get(name)}, wanted {wanted}): remove the folder"
                )


def weights_digest(folder: Path) -> str:
    """Digest of a model's weight files.

    Raises:
        InputError: there are none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(f"{folder}: no weights (*.safetensors)")
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def corpus_digest(encoded: EncodedCorpus) -> str:
    """Digest of an encoded corpus: its tokens, and which rows are in which split."""
    digest = hashlib.sha256(repr(encoded.fact("split").to_pylist()).encode())
    for code in encoded.languages:
        tokens, offsets = encoded.column(code)
        digest.update(code.encode() + np.ascontiguousarray(tokens).tobytes() + np.ascontiguousarray(offsets).tobytes())
    return digest.hexdigest()[:16]


def plan_digest(facts: Any) -> str:
    """Digest of the JSON values that decide a plan."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def bytes_per_token(top_k: int, vocab_size: int) -> int:
    """Size on disk of one label's targets."""
    return top_k * _id_type(vocab_size).itemsize + (top_k + 1) * 2


def _id_type(vocab_size: int) -> "np.dtype[Any]":
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


def checksum(batch: Batch) -> int:
    """Tells batches of different plans or corpora apart."""
    return zlib.crc32(batch.labels.numpy().tobytes(), zlib.crc32(batch.input_ids.numpy().tobytes()))


def write_token_targets(
    out: Path,
    stream: StreamLike,
    teacher: PreTrainedModel,
    config: TokenTargetsConfig,
    identity: Identity,
    tokens: int,
) -> dict[str, Any]:
    """Ask the teacher about the first batches of a plan, until `tokens` labels are covered; goes on after whole shards.

    Args:
        stream: the plan, at its beginning, as one process would see it.
        teacher: on its device.

    Returns:
        `tokens`, `batches`, `shards`, `bytes`.

    Raises:
        InputError: the cache would be larger than `max_gigabytes`, the folder holds one of something else, full disk.
    """
    vocab_size = teacher.config.vocab_size
    _announce(tokens, bytes_per_token(identity.top_k, vocab_size), config.max_gigabytes)
    out.mkdir(parents=True, exist_ok=True)
    if (out / META).is_file():
        identity.check(json.loads((out / META).read_text(encoding="utf-8")), out)
    else:
        write_json(out / META, {**asdict(identity), "vocab_size": vocab_size})
    shards = _finished(out)
    done = sum(sum(shard["tokens"]) for shard in shards)
    if shards:
        say(f"token targets: {len(shards)} shards are there, going on with the next")
        stream.load_state_dict(shards[-1]["position"])
    with progress_bar("token targets", tokens) as bar:
        bar.advance(done)
        batches = iter(stream)
        while done < tokens:
            facts = _write_shard(out, len(shards), batches, stream, teacher, identity, tokens - done, bar.advance)
            shards.append(facts)
            done += sum(facts["tokens"])
    size = sum(path.stat().st_size for path in out.glob("shard-*"))
    return {"tokens": done, "batches": sum(len(s["tokens"]) for s in shards), "shards": len(shards), "bytes": size}


def _announce(tokens: int, each: int, limit: float) -> None:
    size = tokens * each / 1e9
    say(f"token targets: about {tokens:,} target tokens of {each} bytes, {size:.2f} GB on disk")
    if size > limit:
        raise InputError(
            f"token targets would take {size:.1f} GB, more than distillation.tokens.max_gigabytes={limit:g}: "
            "cache fewer tokens (distillation.tokens.tokens), fewer pieces (top_k), or use mode=online"
        )


def _finished(out: Path) -> list[dict[str, Any]]:
    """Facts of the shards that are whole, from the first on without a gap."""
    found: list[dict[str, Any]] = []
    while (path := out / f"shard-{len(found):05}.json").is_file():
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def _write_shard(
    out: Path,
    number: int,
    batches: Iterator[Batch],
    stream: StreamLike,
    teacher: PreTrainedModel,
    identity: Identity,
    wanted: int,
    advance: Any,
) -> dict[str, Any]:
    ids, shares, tokens, sums = [], [], [], []
    for place in range(SHARD_BATCHES):
        batch = next(batches)
        targets = _ask(teacher, batch, identity, number * SHARD_BATCHES + place)
        ids.append(targets.ids_TK.cpu().numpy().astype(_id_type(teacher.config.vocab_size)))
        both = torch.cat([targets.probabilities_TK, targets.tail_T.unsqueeze(1)], dim=1)
        shares.append(both.half().cpu().numpy())
        tokens.append(batch.target_tokens)
        sums.append(checksum(batch))
        advance(batch.target_tokens)
        if sum(tokens) >= wanted:
            break
    for name, parts in (("ids", ids), ("shares", shares)):
        with replacing(out / f"shard-{number:05}.{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, np.concatenate(parts), allow_pickle=False)
    facts = {"tokens": tokens, "checksums": sums, "position": stream.state_dict()}
    write_json(out / f"shard-{number:05}.json", facts)
    return facts


def _ask(teacher: PreTrainedModel, batch: Batch, identity: Identity, number: int) -> TeacherTargets:
    """Draws depend on (seed, batch number) alone, so a resumed cache equals an uninterrupted one."""
    generator = None
    if identity.sampled:
        generator = torch.Generator(teacher.device).manual_seed(identity.seed * 1_000_003 + number)
    return ask_teacher(teacher, batch.to(teacher.device), identity.top_k, identity.temperature, generator)


class TokenTargets:
    """A finished cache.

    Attributes:
        tokens: labels of each batch.
    """

    def __init__(self, folder: Path, identity: Identity | None = None) -> None:
        """Open a cache, and hold it against what the training is of.

        Raises:
            InputError: no cache there, an unfinished one, or one of another teacher, corpus, vocabulary or plan.
        """
        self.folder = folder
        try:
            found = json.loads((folder / META).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: no token targets ({META})") from error
        if identity is not None:
            identity.check(found, folder)
        self.shards = _finished(folder)
        if not self.shards:
            raise InputError(f"{folder}: token targets without a finished shard")
        self.tokens = [count for shard in self.shards for count in shard["tokens"]]
        self._checksums = [value for shard in self.shards for value in shard["checksums"]]

    def __len__(self) -> int:
        """Batches that are covered."""
        return len(self.tokens)

    def of(self, number: int, batch: Batch) -> TeacherTargets:
        """Targets of batch `number` of the plan.

        Raises:
            InputError: the batch is not the one that the teacher saw.
        """
        if self._checksums[number] != checksum(batch):
            raise InputError(
                f"{self.folder}: batch {number} is not the one that the teacher saw: another corpus or plan"
            )
        shard, start = self._starts[number]
        ids, shares = self._files[shard]
        rows = slice(start, start + self.tokens[number])
        shares_TK = torch.from_numpy(shares[rows].astype(np.float32))
        shares_TK = shares_TK / shares_TK.sum(1, keepdim=True)  # rounding to float16 leaves the sum off by up to 5e-4
        return TeacherTargets(torch.from_numpy(ids[rows].astype(np.int64)), shares_TK[:, :-1], shares_TK[:, -1])

    @cached_property
    def _starts(self) -> list[tuple[int, int]]:
        """Shard of each batch, and its first row there."""
        found: list[tuple[int, int]] = []
        for number, shard in enumerate(self.shards):
            ends = np.cumsum(shard["tokens"])
            found += [(number, int(end - count)) for end, count in zip(ends, shard["tokens"], strict=True)]
        return found

    @cached_property
    def _files(self) -> list[tuple[Array, Array]]:
        return [self._map(number) for number in range(len(self.shards))]

    def _map(self, number: int) -> tuple[Array, Array]:
        paths = [self.folder / f"shard-{number:05}.{name}.npy" for name in ("ids", "shares")]
        try:
            ids, shares = (np.load(path, mmap_mode="r", allow_pickle=False) for path in paths)
        except (OSError, ValueError) as error:
            raise InputError(f"{paths[0]}: cannot be read ({error})") from error
        if len(ids) != sum(self.shards[number]["tokens"]) or len(shares) != len(ids):
            raise InputError(f"{paths[0]}: truncated")
        return ids, shares
