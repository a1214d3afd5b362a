"""Loading any encoder-decoder of the pipeline, the teacher among them, which `transformers` is told of here."""

from transformers import AutoConfig, AutoModelForSeq2SeqLM

from parley.decoding.translator import Translator, load_model
from training.model.configuration import ParleyMoeConfig
from training.model.modelling import ParleyMoeForConditionalGeneration

__all__ = ["Translator", "load_model"]

AutoConfig.register(ParleyMoeConfig.model_type, ParleyMoeConfig, exist_ok=True)
AutoModelForSeq2SeqLM.register(ParleyMoeConfig, ParleyMoeForConditionalGeneration, exist_ok=True)
