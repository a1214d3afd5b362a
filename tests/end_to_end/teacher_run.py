"""The teacher stage of a small model as a program that a test can kill: FOLDER OF ITS INPUTS, FOLDER OF ITS OWN."""

import sys
from pathlib import Path
from typing import Final

from training.batches.stream import BatchingConfig
from training.loop.config import TrainingConfig
from training.model.teacher_config import TeacherConfig
from training.teacher import TeacherStage, TeacherStageConfig

CONFIG: Final = TeacherStageConfig(
    TeacherConfig(depth=2, d_model=32, num_experts=4, dropout=0.1, expert_output_masking=0.2),  # draws random numbers
    TrainingConfig(
        max_updates=40,
        update_tokens=700,  # two or three micro-batches
        learning_rate=3e-3,
        warmup_updates=5,
        checkpoint_every=6,
        validate_every=20,
        dev_messages=8,
        dev_directions=2,
        ema_decay=0.9,
        log_every=1,
        device="cpu",
        threads=1,
    ),
    BatchingConfig(batch_tokens=300, max_length=64, auto_source_probability=0.3),
)

if __name__ == "__main__":
    root = Path(sys.argv[1])
    inputs = {name: root / name for name in ("corpus", "tokenizer", "encoded")}
    TeacherStage(CONFIG).run(Path(sys.argv[2]), inputs)
