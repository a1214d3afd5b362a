"""One training step of the teacher beside `transformers`' NllbMoe and a dense model, alternating in one process.

All have the same width, depth, vocabulary and active size; NllbMoe also the same total size: a MoE feed-forward in
every layer, 8 experts of inner width D, top-2, plus a shared one here; 6 experts of 1.5 D, top-2 there. The dense model
is this project's own with the experts replaced by one feed-forward of inner width 3 D. A step is forward, backward and
AdamW.

    python benchmarks/training_step.py [threads=1] [rounds=5] [width=256] [messages=256]
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import NllbMoeConfig, NllbMoeForConditionalGeneration

from benchmarks.alternating import Ratio, alternate
from parley.config.command_line import argument, run
from parley.languages.table import CODES
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration

VOCABULARY, LAYERS, LENGTH = 8000, 4, 16
Step = Callable[[], None]


@dataclass(frozen=True)
class Arguments:
    """What is timed."""

    threads: int = argument("threads of PyTorch", default=1)
    rounds: int = argument("timed steps of every side", default=5)
    width: int = argument("width of the models", default=256)
    messages: int = argument("messages of 16 tokens in a step", default=256)


def parley(width: int, moe: bool) -> nn.Module:
    """The teacher, or the same with dense feed-forwards of the same active size."""
    config = ParleyMoeConfig(
        vocab_size=VOCABULARY, d_model=width, encoder_layers=LAYERS, decoder_layers=LAYERS, num_attention_heads=4,
        ffn_dim=3 * width, num_experts=8, expert_ffn_dim=width, shared_expert_ffn_dim=width, moe_every=int(moe),
        languages=list(CODES), language_token_ids=list(range(4, 20)), auto_token_id=20,
    )  # fmt: skip
    return ParleyMoeForConditionalGeneration(config)


def nllb_moe(width: int) -> nn.Module:
    """NllbMoe of the same active and total size."""
    config = NllbMoeConfig(
        vocab_size=VOCABULARY, d_model=width, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=3 * width // 2, decoder_ffn_dim=3 * width // 2, num_experts=6,
        encoder_sparse_step=1, decoder_sparse_step=1, expert_capacity=10**6, encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
    )  # fmt: skip
    return NllbMoeForConditionalGeneration(config)


def batch(messages: int) -> dict[str, Tensor]:
    """Full rows of random tokens: no side gains from padding."""
    source, target = (torch.randint(30, VOCABULARY, (messages, LENGTH)) for _ in range(2))
    source[:, 0], target[:, 0] = 4, 5
    return {
        "input_ids": source,
        "attention_mask": torch.ones_like(source),
        "decoder_input_ids": target,
        "labels": target.roll(-1, 1),
    }


def step_of(model: nn.Module, precision: str, messages: int) -> Step:
    """A training step in fp32, bf16 autocast, or (the trainer's way) bf16 weights with fp32 masters."""
    inputs = batch(messages)
    model.train()
    masters = [p.detach().clone().float() for p in model.parameters()]
    if precision == "bf16 weights":
        for parameter in model.parameters():
            if not getattr(parameter, "keep_fp32", False):
                parameter.data = parameter.data.bfloat16()
    held = masters if precision == "bf16 weights" else list(model.parameters())
    optimizer = torch.optim.AdamW(held, lr=1e-4, foreach=True)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16 autocast"):
            loss = model(**inputs).loss
        loss.backward()
        if held is masters:
            for master, parameter in zip(masters, model.parameters(), strict=True):
                master.grad = None if parameter.grad is None else parameter.grad.float()
        optimizer.step()
        if held is masters:
            with torch.no_grad():
                for master, parameter in zip(masters, model.parameters(), strict=True):
                    parameter.copy_(master)
        model.zero_grad(set_to_none=True)

    return step


def main(arguments: Arguments) -> None:
    """Print tokens/s of every side and the ratios that the targets speak of."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    width, messages = arguments.width, arguments.messages
    steps = {}
    for precision in ("fp32", "bf16 autocast", "bf16 weights"):
        steps[f"teacher {precision}"] = step_of(parley(width, moe=True), precision, messages)
        steps[f"dense {precision}"] = step_of(parley(width, moe=False), precision, messages)
        if precision != "bf16 weights":
            steps[f"NllbMoe {precision}"] = step_of(nllb_moe(width), precision, messages)
    seconds = alternate(steps, arguments.rounds)
    tokens = messages * LENGTH
    print(f"width {width}, {LAYERS}+{LAYERS} layers, {tokens} target tokens a step, {arguments.threads} threads")
    for name, times in seconds.items():
        print(f"  {name:24} {tokens / statistics.median(times):8.0f} target tokens/s")
    best = {side: min((t for t in seconds if t.startswith(side)), key=lambda t: statistics.median(seconds[t]))
            for side in ("teacher", "NllbMoe", "dense")}  # fmt: skip
    for ours, theirs in [("teacher fp32", "NllbMoe fp32"), (best["teacher"], best["NllbMoe"]),
                         ("teacher fp32", "dense fp32"), (best["teacher"], best["dense"])]:  # fmt: skip
        print(f"  {ours} / {theirs}: {Ratio.of(seconds[theirs], seconds[ours])}")


if __name__ == "__main__":
    run(main, Arguments)
