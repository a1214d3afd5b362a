"""Makes a COMET checkpoint of width 8 with random weights. Runs inside the environment of `make comet-env`.

python tiny_comet.py FOLDER
"""

import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Write FOLDER/encoder, FOLDER/hparams.yaml and FOLDER/checkpoints/model.ckpt."""
    import pytorch_lightning
    import torch
    import yaml
    from comet.models import RegressionMetric
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

    letters = {piece: place for place, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrst"])}
    tokenizer = Tokenizer(models.WordLevel(letters, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    ends = [("<s>", letters["<s>"]), ("</s>", letters["</s>"])]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=ends)
    encoder = folder / "encoder"
    XLMRobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(str(encoder))
    torch.manual_seed(1)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = XLMRobertaConfig(vocab_size=32, max_position_embeddings=514, **sizes)
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(str(encoder))
    model = RegressionMetric(pretrained_model=str(encoder), hidden_sizes=[8], load_pretrained_weights=True)
    (folder / "checkpoints").mkdir(parents=True)
    hparams = dict(model.hparams)
    content = {"state_dict": model.state_dict(), "hyper_parameters": hparams}
    version = {"pytorch-lightning_version": pytorch_lightning.__version__}
    torch.save(content | version, folder / "checkpoints" / "model.ckpt")
    (folder / "hparams.yaml").write_text(yaml.safe_dump(hparams | {"class_identifier": "regression_metric"}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
