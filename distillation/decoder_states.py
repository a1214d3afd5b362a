"""What any encoder-decoder of the pipeline makes of a batch: its decoder's states where there is a label."""

from torch import Tensor, nn
from transformers import PreTrainedModel

from training.batches.batch import IGNORED, Batch
from training.model.modelling import ParleyMoeForConditionalGeneration


def decoder_states(model: PreTrainedModel, batch: Batch) -> Tensor:
    """The decoder's output at the positions that have a label (T, D), message after message.

    Args:
        model: the teacher, or a student or other M2M100.
        batch: on the model's device.
    """
    ids, mask, shifted = batch.input_ids, batch.attention_mask, batch.decoder_input_ids
    if isinstance(model, ParleyMoeForConditionalGeneration):
        encoded = model.encoder(ids, mask).last_hidden_state
        tags_BL = model.encoder.tags(shifted[:, 0])
        decoded, _ = model.decoder(shifted, encoded, mask, tags_BL, shifted.new_ones(shifted.shape), None)
    else:
        inner = model.model
        encoded = inner.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        decoded = inner.decoder(
            input_ids=shifted, encoder_hidden_states=encoded, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state
    labelled_TD: Tensor = decoded[batch.labels != IGNORED]
    return labelled_TD


def output_layer(model: PreTrainedModel) -> Tensor:
    """The weights (V, D) that turn decoder output into logits."""
    head = model.get_output_embeddings()
    assert head is not None
    assert isinstance(head.weight, Tensor)
    return head.weight


def cast_positions(model: nn.Module) -> None:
    """Have M2M100's positions, a float32 buffer, added in the type of the embedding; else bf16 weights meet float32."""
    stacks = [getattr(getattr(model, "model", None), name, None) for name in ("encoder", "decoder")]
    for stack in stacks:
        positions, embedding = getattr(stack, "embed_positions", None), getattr(stack, "embed_tokens", None)
        if positions is not None and embedding is not None:
            positions.register_forward_hook(lambda _, __, out, table=embedding: out.to(table.weight.dtype))
