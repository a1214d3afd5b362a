"""Print a teacher's parameters, training memory and FLOPs per token, or a student's, without making it."""

from dataclasses import dataclass

from distillation.config import StudentConfig
from parley.config.command_line import run
from parley.pipeline.errors import InputError
from training.model.teacher_config import TeacherConfig


@dataclass(frozen=True)
class DescribeConfig:
    """What to describe.

    Attributes:
        teacher: size of the model; `teacher=NAME` takes a config of configs/teacher/.
        student: `student=NAME` takes a config of configs/student/ and describes that instead.
        vocab_size: pieces of the shared vocabulary.
        source_length: source tokens of a typical message.
        target_length: target tokens of a typical message.
    """

    teacher: TeacherConfig
    vocab_size: int
    source_length: int
    target_length: int
    student: StudentConfig | None = None

    def __post_init__(self) -> None:
        for key, least in (("vocab_size", 100), ("source_length", 1), ("target_length", 1)):
            if not least <= getattr(self, key) <= 10_000_000:
                raise InputError(f"{key}={getattr(self, key)}: choose from {least} to 10,000,000")


def main(config: DescribeConfig) -> None:
    """Print a teacher's parameters, training memory and FLOPs per token, or a student's, without making it."""
    if config.student is None:
        describe_teacher(config)
    else:
        describe_student(config.student, config)


def describe_student(student: StudentConfig, config: DescribeConfig) -> None:
    """Print a student's parameters, size on disk and FLOPs for one message."""
    from distillation.student.initialization import count_parameters

    model = student.model_config(config.vocab_size)
    params = count_parameters(model)
    layers = f"{model.encoder_layers}+{model.decoder_layers} layers, width {model.d_model}"
    steps = 2 * (params["decoder"] + params["embedding"]) * config.target_length
    flops = 2 * params["encoder"] * config.source_length + steps
    print(f"student: {layers}, vocabulary {model.vocab_size}")
    for name, key in (
        ("parameters", "all"),
        ("encoder", "encoder"),
        ("decoder", "decoder"),
        ("shared embedding", "embedding"),
    ):
        print(f"  {name:19} {params[key] / 1e6:10.1f} M")
    print(f"  {'weights fp32':25} {4 * params['all'] / 2**30:7.2f} GiB")
    print(f"  {'weights int8':25} {params['all'] / 2**30:7.2f} GiB")
    lengths = f"{config.source_length} source and {config.target_length} target tokens"
    print(f"  a message           {flops / 1e9:10.1f} GFLOPs, {lengths}")


def describe_teacher(config: DescribeConfig) -> None:
    """Print a teacher's parameters, training memory and FLOPs per token."""
    from training.model.size import measure
    from training.tokenizer import SPECIAL_TOKENS

    model = config.teacher.model_config(config.vocab_size, {token: id for id, token in enumerate(SPECIAL_TOKENS)})
    size = measure(model, config.source_length, config.target_length)
    shape = f"{model.encoder_layers}+{model.decoder_layers} layers, width {model.d_model}, {model.num_experts} experts"
    training = 3 * (size.encoder_flops * config.source_length / config.target_length + size.decoder_flops)
    print(f"teacher: {shape}, vocabulary {model.vocab_size}")
    print(f"  parameters          {size.params / 1e6:10.1f} M")
    print(f"  active parameters   {size.active_params / 1e6:10.1f} M   (top {model.experts_per_token} + shared expert)")
    print(f"  shared embedding    {size.embedding_params / 1e6:10.1f} M")
    print(f"  forward             {size.encoder_flops / 1e6:10.1f} MFLOPs per source token")
    print(f"                      {size.decoder_flops / 1e6:10.1f} MFLOPs per target token")
    print(f"  training            {training / 1e6:10.1f} MFLOPs per target token, its share of the source included")
    for use, count in size.training_bytes.items():
        print(f"  {use:25} {count / 2**30:7.2f} GiB")
    print(f"  {'in all, without activations':25} {sum(size.training_bytes.values()) / 2**30:5.2f} GiB")


if __name__ == "__main__":
    run(main, DescribeConfig, config_name="describe_model")
