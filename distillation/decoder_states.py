"""What any encoder-decoder of the pipeline makes of a batch: its decoder's states where there is a label."""

from torch import Tensor
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
