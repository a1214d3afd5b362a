"""Validation of a translation model in training: loss by group of directions, chrF and off-target rate by direction.

The messages are a fixed sample of the dev split, drawn by a seed: the same at every validation and after a resume.
Withheld pairs are validated too, as a group of their own: they show how well the model does what it never saw.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from parley.corpus.store import Corpus
from parley.decoding.translator import DecodingConfig, Translator
from parley.languages.identification import LanguageIdentifier
from parley.languages.table import CODES, directions, pair
from parley.metrics.metric import Translations
from parley.metrics.off_target import off_target_rate
from parley.metrics.registry import METRICS
from parley.pipeline.errors import InputError
from training.batches.batch import Batch, Examples, make_batch
from training.batches.bucketing import batch_edges
from training.batches.concat import ConcatCorpus
from training.batches.encoded import EncodedCorpus
from training.batches.stream import BatchingConfig
from training.loop.config import TrainingConfig

HUB = "en"  # directions are grouped by whether they touch the language that most data comes from


def group_of(direction: str, encoded: EncodedCorpus) -> str:
    """`withheld`, `from_en`, `into_en` or `between_others`."""
    source, target = pair(direction)
    if frozenset((source, target)) in encoded.pairs_withheld():
        return "withheld"
    return "from_en" if source == HUB else "into_en" if target == HUB else "between_others"


class DevSample:
    """The fixed messages of every direction.

    Attributes:
        rows: row numbers of the encoded corpus, by direction that has any.
    """

    def __init__(self, encoded: EncodedCorpus, batching: BatchingConfig, messages: int, seed: int) -> None:
        """Draw up to `messages` rows of each direction that fit `batching.max_length`.

        Raises:
            InputError: the dev split is empty, or has no message in two languages.
        """
        self.encoded, self.batching = encoded, batching
        self.corpus = ConcatCorpus(encoded)
        dev = encoded.rows("dev")
        lengths = {code: self.corpus.lengths(np.full(len(dev), CODES.index(code)), dev) for code in encoded.languages}
        self.rows = {}
        for direction in directions(encoded.languages):
            sizes = [lengths[code] for code in pair(direction)]
            fits = (np.minimum(*sizes) > 0) & (np.maximum(*sizes) + 2 <= batching.max_length)
            generator = np.random.default_rng([seed, *(CODES.index(code) for code in pair(direction))])
            chosen = generator.permutation(dev[fits])[:messages]
            if len(chosen):
                self.rows[direction] = chosen
        if not self.rows:
            raise InputError(
                f"{encoded.directory}: no dev message of up to {batching.max_length} tokens in two languages"
            )

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """The messages of some directions, mixed, in batches of similar length."""
        parts = [self._examples(direction) for direction in wanted]
        examples = Examples(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])})
        examples = examples.take(np.lexsort((examples.source_length, examples.target_length)))
        for start, stop in pairwise(batch_edges(examples.source_length, examples.target_length, self.batching)):
            yield make_batch(self.corpus, examples.take(slice(start, stop)))

    def _examples(self, direction: str) -> Examples:
        rows = self.rows[direction]
        source, target = (np.full(len(rows), CODES.index(code)) for code in pair(direction))
        return Examples.of(self.corpus, source, target, rows, source)

    def groups(self) -> dict[str, list[str]]:
        """Directions by group."""
        found: dict[str, list[str]] = defaultdict(list)
        for direction in self.rows:
            found[group_of(direction, self.encoded)].append(direction)
        return dict(found)


class TranslationValidation:
    """Scores a translation model on the dev split.

    Args:
        encoded: the tokenized corpus.
        corpus: folder of the corpus that it was made from, for the references.
        tokenizer: of the model.
        batching: limits of length and batch.
        config: how many messages and directions, and the seed of their choice.
    """

    def __init__(
        self,
        encoded: EncodedCorpus,
        corpus: Path,
        tokenizer: PreTrainedTokenizerBase,
        batching: BatchingConfig,
        config: TrainingConfig,
    ) -> None:
        self.tokenizer = tokenizer
        self.sample = DevSample(encoded, batching, config.dev_messages, config.seed)
        translated = {name: rows[: (config.dev_messages + 1) // 2] for name, rows in self.sample.rows.items()}
        self.scored = _thinned(translated, config.dev_directions)
        self.texts = _texts(corpus, self.scored)
        self.identifier = LanguageIdentifier(encoded.languages)

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """`dev/loss` (nats a token, no smoothing), `dev/chrf`, `dev/off_target`, and each by group and direction."""
        assert isinstance(model, PreTrainedModel)
        return self.losses(model) | self.translations(model)

    @torch.no_grad()
    def losses(self, model: nn.Module) -> dict[str, float]:
        """`dev/loss`, `dev/accuracy` of tokens, and `dev/loss/<group>`."""
        device = next(model.parameters()).device
        sums: dict[str, dict[str, Any]] = {}
        for group, members in self.sample.groups().items():
            total = sums[group] = {"tokens": 0, "nll": 0.0, "accuracy": 0.0}
            for batch in self.sample.batches(members):
                output = model(**batch.to(device).model_inputs())
                total["tokens"] += batch.target_tokens
                for name in ("nll", "accuracy"):
                    total[name] += output.metrics[name].double() * batch.target_tokens
        tokens = sum(total["tokens"] for total in sums.values())
        scores = {f"dev/loss/{group}": float(total["nll"]) / total["tokens"] for group, total in sums.items()}
        scores["dev/accuracy"] = sum(float(total["accuracy"]) for total in sums.values()) / tokens
        return {"dev/loss": sum(float(total["nll"]) for total in sums.values()) / tokens, **scores}

    def translations(self, model: PreTrainedModel) -> dict[str, float]:
        """`dev/chrf` and `dev/off_target`, means over directions, and chrF by group and direction."""
        translator = Translator(model, self.tokenizer, DecodingConfig(max_new_tokens=self.sample.batching.max_length))
        jobs = [(self.texts[s][row], s, t) for d, rows in self.scored.items() for s, t in [pair(d)] for row in rows]
        outputs = iter(translator.translate_many(*map(list, zip(*jobs, strict=True))))  # type: ignore[arg-type]
        chrf, off_target = {}, []
        for direction, rows in self.scored.items():
            source, target = pair(direction)
            hypotheses = [next(outputs) for _ in rows]
            texts = [[self.texts[code][row] for row in rows] for code in (source, target)]
            chrf[direction] = METRICS["chrf"].of(Translations(direction, texts[0], texts[1], hypotheses))
            off_target.append(off_target_rate(hypotheses, target, self.identifier, source))
        scores = {"dev/chrf": float(np.mean(list(chrf.values()))), "dev/off_target": float(np.mean(off_target))}
        for group, members in self.sample.groups().items():
            found = [chrf[direction] for direction in members if direction in chrf]
            scores |= {f"dev/chrf/{group}": float(np.mean(found))} if found else {}
        return scores | {f"dev/chrf/{direction}": score for direction, score in chrf.items()}


def _thinned(rows: dict[str, np.ndarray], limit: int) -> dict[str, np.ndarray]:
    """Up to `limit` directions, spread evenly; 0 for all."""
    names = list(rows)
    places = range(len(names)) if not limit else np.unique(np.linspace(0, len(names) - 1, limit).astype(int))
    return {names[place]: rows[names[place]] for place in places}


def _texts(corpus: Path, rows: dict[str, np.ndarray]) -> dict[str, dict[int, str]]:
    """Text of the wanted rows by language. The encoded rows are the corpus's, in the same order."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for direction, numbers in rows.items():
        for code in pair(direction):
            wanted[code].update(int(number) for number in numbers)
    store = Corpus.open(corpus)
    texts = {}
    for code, wanted_rows in wanted.items():
        ordered = sorted(wanted_rows)
        texts[code] = dict(zip(ordered, store.take(ordered, code), strict=True))
    return texts
