from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModel,
    BartConfig,
    ByT5Tokenizer,
    DebertaV2Config,
    GPT2Config,
    ModernBertConfig,
    PreTrainedConfig,
    XLMRobertaConfig,
)

from parley.pipeline.errors import InputError
from qe_model.annotations.annotation import AnnotatedTranslation
from qe_model.model.config import QEModelConfig
from qe_model.model.encoders import CheckpointEncoder, load_checkpoint
from qe_model.model.estimator import ParleyQEConfig, ParleyQEModel, build_model
from qe_model.model.saving import checkpoint_tokenizer, input_encoder, load_quality_model, save_model
from qe_model.scoring.prediction import Probabilities, predict
from tests.qe_model.tiny_qe import examples, make_world
from training.model.loading import load_model
from training.tokenizer import load_tokenizer

SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
ENCODERS = {
    "XLM-R": XLMRobertaConfig(**SIZES, vocab_size=480, pad_token_id=1),
    "mDeBERTa": DebertaV2Config(
        **SIZES, vocab_size=480, pad_token_id=1, relative_attention=True, pos_att_type=["p2c", "c2p"]
    ),
    "mmBERT": ModernBertConfig(**SIZES, vocab_size=480, pad_token_id=1, cls_token_id=0, sep_token_id=2),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_world(tmp_path_factory.mktemp("world"))


def teacher_model(world: dict[str, Path]) -> ParleyQEModel:
    config = QEModelConfig(dropout=0.0, max_length=64, context_length=16)
    return build_model(config, load_model(world["teacher"]), 1).eval()


def checkpoint_model(encoder: PreTrainedConfig) -> ParleyQEModel:
    torch.manual_seed(0)
    own = {**encoder.to_dict(), "model_type": encoder.model_type}
    return (
        ParleyQEModel(ParleyQEConfig(encoder_kind="checkpoint", encoder=own, max_length=64, context_length=16))
        .freeze()
        .eval()
    )


def run(
    model: ParleyQEModel, world: dict[str, Path], rows: list[AnnotatedTranslation], size: int
) -> list[Probabilities]:
    return predict(model, input_encoder(model, load_tokenizer(world["tokenizer"])), rows, batch_tokens=size)


def close(a: Probabilities, b: Probabilities) -> bool:
    parts = ("target", "gaps", "source", "target_dimension")
    return all(np.allclose(getattr(a, name), getattr(b, name), atol=1e-4) for name in parts)


@pytest.mark.parametrize("kind", ["teacher", *ENCODERS])
def test_batch_mates_and_padding_do_not_change_a_translation(world: dict[str, Path], kind: str) -> None:
    model = checkpoint_model(ENCODERS[kind]) if kind in ENCODERS else teacher_model(world)
    rows = examples(12)
    alone, together = run(model, world, rows, 1), run(model, world, rows, 2000)
    assert all(close(a, b) for a, b in zip(alone, together, strict=True))
    assert all(len(one.target) == len(one.target_words) == len(one.gaps) - 1 for one in alone)
    assert all(abs(one.target.sum(-1) - 1).max(initial=0) < 1e-4 for one in alone)


@pytest.mark.parametrize("kind", ["teacher", "XLM-R"])
def test_a_saved_model_comes_back_without_a_word(
    world: dict[str, Path], kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = checkpoint_model(ENCODERS[kind]) if kind in ENCODERS else teacher_model(world)
    save_model(model, input_encoder(model, load_tokenizer(world["tokenizer"])), tmp_path)
    capfd.readouterr()
    again, encoder = load_quality_model(tmp_path)
    assert capfd.readouterr() == ("", "")
    rows = examples(3)
    assert all(close(a, b) for a, b in zip(run(model, world, rows, 500), predict(again, encoder, rows), strict=True))
    assert [n for n, p in again.named_parameters() if p.requires_grad] == [
        n for n, p in model.named_parameters() if p.requires_grad
    ]
    assert not list(tmp_path.glob("*.bin"))
    assert str(world["teacher"]) not in (tmp_path / "config.json").read_text(), "the same bytes wherever a run lies"


def test_the_encoder_starts_as_the_teacher_and_the_predictor_stays_frozen(world: dict[str, Path]) -> None:
    teacher, model = load_model(world["teacher"]), teacher_model(world)
    assert model.predictor is not None
    own = dict(model.encoder.named_parameters())
    for name, parameter in teacher.encoder.named_parameters():  # type: ignore[union-attr]
        assert torch.equal(own[f"encoder.{name}"], parameter)
    assert not any(parameter.requires_grad for parameter in model.predictor.teacher.parameters())
    assert not model.train().predictor.teacher.training


def test_predictor_scores_are_log_probabilities(world: dict[str, Path]) -> None:
    from qe_model.model.predictor import decoder_states, forced_scores
    from training.batches.encoded import EncodedCorpus
    from training.batches.stream import BatchingConfig, BatchStream

    teacher = load_model(world["teacher"]).eval()
    batch = next(
        iter(BatchStream(EncodedCorpus.open(world["encoded"]), BatchingConfig(batch_tokens=200, max_length=64)))
    )
    with torch.no_grad():
        encoded = teacher.encoder(batch.input_ids, batch.attention_mask).last_hidden_state
        states = decoder_states(teacher, encoded, batch.attention_mask, batch.decoder_input_ids)
        scores = forced_scores(states, teacher.lm_head.weight, batch.labels)
        total = teacher(**batch.model_inputs()).metrics["nll"]
    assert float(-5 * scores[..., 0].sum() / batch.target_tokens) == pytest.approx(float(total), rel=1e-4)
    assert (scores[..., 1] <= 1e-6).all()
    assert (scores[batch.labels == -100] == 0).all()


def test_context_changes_what_is_said(world: dict[str, Path]) -> None:
    from dataclasses import replace

    from qe_model.annotations.annotation import ContextMessage

    model, row = teacher_model(world), examples(1)[0]
    inside = replace(row, context=(ContextMessage("boss wait", "gtxx bfny"),))
    assert not close(*run(model, world, [row, inside], 500))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dropout": 1.0}, "below 1"),
        ({"max_length": 3}, "16 or more"),
    ],
)
def test_a_model_that_cannot_be_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        QEModelConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ENCODERS)
def test_rates_fall_by_layer_and_embeddings_stay(kind: str) -> None:
    encoder = checkpoint_model(ENCODERS[kind]).encoder
    assert isinstance(encoder, CheckpointEncoder)
    encoder.fall_by_layer(0.1)
    rates: dict[str, set[float]] = {}
    for name, parameter in encoder.model.named_parameters():
        layer = next((part for part in name.split(".") if part.isdigit()), "frozen" if "embed" in name else "other")
        assert parameter.requires_grad == (layer != "frozen")
        rates.setdefault(layer, set()).add(round(parameter.rate_share, 6))  # type: ignore[attr-defined]
    assert (rates["0"], rates["1"], rates["2"]) == ({0.081}, {0.09}, {0.1})


def test_a_missing_teacher_or_checkpoint_is_one_line() -> None:
    with pytest.raises(InputError, match="needs a teacher"):
        build_model(QEModelConfig(), None, 1)
    with pytest.raises(InputError, match="cannot be loaded"):
        build_model(QEModelConfig(encoder="/nowhere"), None, 1)


@pytest.mark.parametrize(
    "config",
    [
        GPT2Config(vocab_size=48, n_embd=16, n_layer=1, n_head=2),
        BartConfig(vocab_size=48, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                   decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16),
    ],
)  # fmt: skip
def test_what_is_no_encoder_is_refused(config: PreTrainedConfig, tmp_path: Path) -> None:
    AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"{config.model_type} is not an encoder"):
        load_checkpoint(str(tmp_path))


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    encoder = AutoModel.from_config(ENCODERS["XLM-R"])
    encoder.save_pretrained(tmp_path)
    torch.save(encoder.state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be loaded"):
        load_checkpoint(str(tmp_path))


def test_an_encoder_without_a_fast_tokenizer_is_refused(tmp_path: Path) -> None:
    ByT5Tokenizer().save_pretrained(str(tmp_path))
    with pytest.raises(InputError, match="needs a fast tokenizer"):
        checkpoint_tokenizer(str(tmp_path))
