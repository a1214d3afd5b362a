"""The teacher as a whole: loss, cache, generation, saving, languages."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from parley.languages.table import CODES, LANGUAGES
from training.model.modelling import EncoderOutput, ParleyMoeForConditionalGeneration


def logits_of(model, batch) -> Tensor:
    with torch.no_grad():
        return model(**{key: value for key, value in batch.items() if key != "labels"}).logits


def test_loss_equals_cross_entropy_of_the_logits(make_model, batch):
    model = make_model()
    output = model(**batch)
    expected = F.cross_entropy(logits_of(model, batch).flatten(0, 1), batch["labels"].flatten())
    torch.testing.assert_close(output.loss, expected)
    torch.testing.assert_close(output.metrics["nll"], expected)
    assert output.token_count == 7
    torch.testing.assert_close(output.loss_sum, expected * 7)


def test_training_loss_adds_smoothing_balance_and_detection(make_model, batch):
    model = make_model(router_z_loss=0.5, detection_loss=0.5).train()
    output = model(**batch, source_language=torch.tensor([4, 5]))
    assert output.loss > output.metrics["nll"] + 0.5 * output.metrics["z_loss"]
    output.loss.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_batch_mates_and_padding_do_not_change_a_message(make_model, batch):
    model = make_model()
    together = logits_of(model, batch)[1, :3]
    alone = {key: value[1:2] for key, value in batch.items()}
    alone["input_ids"], alone["attention_mask"] = alone["input_ids"][:, :4], alone["attention_mask"][:, :4]
    torch.testing.assert_close(logits_of(model, alone)[0, :3], together, atol=1e-5, rtol=1e-4)


def test_cached_steps_equal_one_pass(make_model, batch):
    model = make_model(decoder_layers=3)
    expected = logits_of(model, batch)
    tokens, mask = batch["decoder_input_ids"], batch["attention_mask"]
    with torch.no_grad():
        encoded = EncoderOutput(model.encoder(batch["input_ids"], mask).last_hidden_state)
        cache, steps = None, []
        for place in range(tokens.shape[1]):
            output = model(
                encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=tokens[:, place : place + 1],
                past_key_values=cache, use_cache=True, target_language=tokens[:, 0],
            )  # fmt: skip
            cache = output.past_key_values
            steps.append(output.logits)
    torch.testing.assert_close(torch.cat(steps, dim=1), expected, atol=1e-5, rtol=1e-4)


def test_the_encoder_never_sees_the_target(make_model, batch):
    model = make_model()
    first = model(**batch).encoder_last_hidden_state
    other = {**batch, "decoder_input_ids": batch["decoder_input_ids"].flip(0)}
    torch.testing.assert_close(model(**other).encoder_last_hidden_state, first, atol=0, rtol=0)


def test_generate_keeps_the_target_language(make_model, batch):
    """Greedy `generate`, whose later steps see single tokens, equals argmax over full prefixes."""
    model = make_model(router_language_term=True)
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
    tokens = model.generate(**inputs, decoder_start_token_id=5, max_new_tokens=6, do_sample=False)
    logits = logits_of(model, {**inputs, "decoder_input_ids": tokens[:, :-1]})
    for row, (chosen, scores) in enumerate(zip(tokens[:, 1:], logits, strict=True)):
        end = (chosen == 2).nonzero()
        length = int(end[0]) + 1 if len(end) else len(chosen)
        assert scores.argmax(-1)[:length].tolist() == chosen[:length].tolist(), row


def test_save_and_load_are_exact(make_model, batch, tmp_path: Path):
    model = make_model().train()
    model(**batch)
    model.after_update()  # so that the balancing bias is not zero
    model.eval().save_pretrained(tmp_path)
    loaded = ParleyMoeForConditionalGeneration.from_pretrained(tmp_path).eval()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    torch.testing.assert_close(logits_of(loaded, batch), logits_of(model, batch), atol=1e-5, rtol=1e-4)
    assert not list(tmp_path.glob("*.bin"))
    assert float(loaded.routers()["encoder.1"].bias_E.abs().sum()) > 0


def test_auto_mixes_languages_by_what_is_detected(make_model, batch):
    model = make_model()
    with torch.no_grad():
        model.encoder.detector.weight.zero_()
        model.encoder.detector.bias.copy_(torch.tensor([0.0, 50.0, 0.0]))  # sure of fr
        sources = batch["input_ids"].clone()
        sources[:, 0] = 7
        # The tag itself is a token too: make both tags' embeddings equal, so that only the routers can differ.
        model.shared.weight[7] = model.shared.weight[5]
        auto = model.encoder(sources).last_hidden_state
        sources[:, 0] = 5
        told = model.encoder(sources).last_hidden_state
    torch.testing.assert_close(auto, told, atol=1e-5, rtol=1e-4)
    mask = (sources != 1).long()
    votes_BSL = model.detection_votes()[sources] * mask.unsqueeze(-1)
    logits = model.encoder(sources, mask).detection_logits
    torch.testing.assert_close(logits, votes_BSL[:, 1:].sum(1) / mask[:, 1:].sum(1, keepdim=True))
    assert logits.argmax(-1).tolist() == [1, 1]


@pytest.mark.parametrize("implementation", ["loop", "grouped"])
def test_gradient_checkpointing_changes_nothing(make_model, batch, implementation):
    model = make_model(experts_implementation=implementation).train()
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable()
        model.zero_grad()
        model(**batch).loss.backward()
        gradients.append(model.shared.weight.grad.clone())
    torch.testing.assert_close(gradients[0], gradients[1])


def test_the_vocabulary_can_grow(make_model, batch):
    model = make_model()
    before = logits_of(model, batch)
    model.resize_token_embeddings(210)
    after = logits_of(model, batch)
    assert after.shape[-1] == 210
    torch.testing.assert_close(after[..., :200], before)


def test_languages_of_a_family_begin_with_nearly_the_same_experts(make_model):
    tags = list(range(4, 4 + len(CODES)))
    model = make_model(num_experts=64, languages=list(CODES), language_token_ids=tags, auto_token_id=3)
    families = [LANGUAGES[code].family for code in CODES]
    same = torch.tensor([[one == other for other in families] for one in families])
    apart = ~same
    same.fill_diagonal_(False)
    for name, router in model.routers().items():
        distance_LL = torch.cdist(router.language.detach(), router.language.detach()) / 64**0.5
        assert distance_LL[same].max() < 0.5 < distance_LL[apart].min(), name
        assert distance_LL[same].min() > 0, name  # near, but free to part
