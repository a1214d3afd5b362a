"""Configuration of the Mixture-of-Experts encoder-decoder, as saved in a model folder's `config.json`."""

from typing import Any

from transformers import PreTrainedConfig

from parley.pipeline.errors import InputError


class ParleyMoeConfig(PreTrainedConfig):
    """What `ParleyMoeForConditionalGeneration` is built from.

    The dense parts have the shape of M2M100 (pre-norm, ReLU, sinusoidal positions, tied embeddings), so that a dense
    M2M100 or NLLB checkpoint can be upcycled.

    Args:
        vocab_size: rows of the shared embedding.
        d_model: width.
        encoder_layers, decoder_layers: depths; they may differ.
        num_attention_heads: heads of every attention.
        ffn_dim: inner width of the dense feed-forward layers.
        num_experts: routed experts in each MoE layer.
        experts_per_token: experts chosen for a token (top-k).
        expert_ffn_dim: inner width of one routed expert.
        shared_expert_ffn_dim: inner width of the expert that every token visits; 0 leaves it out.
        moe_every: a MoE feed-forward in every n-th layer, counted so that the last of each n is one; 0 for none.
        dropout: on the embeddings and on what each sublayer adds.
        expert_output_masking: share of (token, layer) whose routed output is zeroed in training (NLLB, 2022, EOM).
        router_z_loss: weight of the mean squared log-sum-exp of the router's logits (ST-MoE, 2022).
        router_bias_rate: step of the selection-only balancing bias after each update (DeepSeek-V3, 2024).
        router_language_term: whether the language steers the router besides the token.
        detection_loss: weight of the source-language detector's cross-entropy.
        label_smoothing: share of the target probability spread evenly over the vocabulary.
        languages: codes, in the order of `language_token_ids`.
        language_token_ids: the languages' tags in the vocabulary.
        auto_token_id: the tag that stands for "detect the source language".
        experts_implementation: `auto`, `loop` (a matmul per expert) or `grouped` (one grouped matmul).
    """

    model_type = "parley_moe"
    keys_to_ignore_at_inference = ["past_key_values"]
    attribute_map = {"hidden_size": "d_model", "num_hidden_layers": "encoder_layers"}

    vocab_size: int = 128
    d_model: int = 64
    encoder_layers: int = 2
    decoder_layers: int = 2
    num_attention_heads: int = 4
    ffn_dim: int = 256
    num_experts: int = 4
    experts_per_token: int = 2
    expert_ffn_dim: int = 64
    shared_expert_ffn_dim: int = 64
    moe_every: int = 2
    dropout: float = 0.1
    expert_output_masking: float = 0.0
    router_z_loss: float = 1e-3
    router_bias_rate: float = 2e-3
    router_language_term: bool = True
    detection_loss: float = 0.1
    label_smoothing: float = 0.1
    max_position_embeddings: int = 512
    languages: list[str] | None = None
    language_token_ids: list[int] | None = None
    auto_token_id: int | None = None
    experts_implementation: str = "auto"
    use_cache: bool = True
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 2
    decoder_start_token_id: int | None = None
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.d_model % self.num_attention_heads or (self.d_model // self.num_attention_heads) % 2:
            raise InputError(
                f"d_model={self.d_model} does not split into {self.num_attention_heads} heads of even width"
            )
        if self.moe_every and self.experts_per_token > self.num_experts:
            raise InputError(f"experts_per_token={self.experts_per_token} exceeds num_experts={self.num_experts}")
        if self.experts_implementation not in ("auto", "loop", "grouped"):
            raise InputError(f"experts_implementation={self.experts_implementation!r}: choose auto, loop or grouped")
        if len(self.languages or ()) != len(self.language_token_ids or ()):
            raise InputError("languages and language_token_ids must have the same length")

    def is_moe_layer(self, layer: int) -> bool:
        """Whether layer number `layer` (from 0) of either stack has a MoE feed-forward."""
        return self.moe_every > 0 and (layer + 1) % self.moe_every == 0
