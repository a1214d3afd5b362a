"""The stage that turns a trained student into what engines load, and holds each form against the float student."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from distillation.config import ExportConfig
from parley.languages.table import directions, pair
from parley.pipeline.atomic import remove
from parley.pipeline.errors import InputError
from parley.pipeline.progress import say
from parley.pipeline.stage import Stage

if TYPE_CHECKING:
    from transformers import M2M100ForConditionalGeneration, PreTrainedTokenizerFast

    from distillation.output_lists import OutputLists
    from training.batches.batch import Batch
    from training.batches.encoded import EncodedCorpus

CALIBRATION_BATCHES: Final = 16
BATCH_INDEPENDENCE_MESSAGES: Final = 50


class ExportStage(Stage[ExportConfig]):
    """Exports `student` with `output_lists`; measures on the dev split of `encoded` and `corpus`.

    Its folder: `ctranslate2/`, `onnx/`, `torch_package/` as asked, tokenizer, `output_lists.json`, `exports.json`.
    """

    name = "student_export"
    version: ClassVar[int] = 3  # graphs whose rows may share a source

    def check(self) -> None:
        """Look for the engines.

        Raises:
            InputError: one that is wanted is not installed.
        """
        from importlib.util import find_spec

        wanted = {"ctranslate2": self.config.ctranslate2, "onnx": self.config.onnx, "onnxruntime": self.config.onnx}
        for package, needed in wanted.items():
            if needed and find_spec(package) is None:
                raise InputError(f"distillation.export needs the package {package}, which is not installed")

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Export and measure.

        Raises:
            InputError: student and lists of different vocabularies, a processor that cannot run an engine.
        """
        from distillation.export.manifest import package_versions, write
        from distillation.output_lists import OutputLists
        from distillation.runtime.torch_engine import TorchEngine
        from distillation.student.quantization import input_ranges, layer_errors
        from training.batches.encoded import EncodedCorpus
        from training.tokenizer import check_vocabulary, load_tokenizer

        lists, encoded = OutputLists.load(inputs["output_lists"]), EncodedCorpus.open(inputs["encoded"])
        check_vocabulary(inputs["student"], lists.vocabulary_digest)
        check_vocabulary(inputs["student"], encoded.vocabulary_digest)
        tokenizer = load_tokenizer(inputs["student"])
        engine = TorchEngine.load(inputs["student"], int(tokenizer.eos_token_id))
        out.mkdir(parents=True, exist_ok=True)
        tokenizer.save_pretrained(str(out))
        lists.save(out)
        batches = dev_batches(encoded)
        ranges = input_ranges(engine.model, batches)
        errors = [asdict(layer) for layer in layer_errors(engine.model, batches, ranges)]
        kept = self._kept(errors)
        forms = self._convert(out, inputs["student"], engine.model, lists, ranges, kept)
        asked = sample(encoded, inputs["corpus"], self.config.parity_messages)
        measure(out, engine, tokenizer, lists, asked, forms)
        versions = package_versions(("ctranslate2", "onnx", "onnxruntime", "torch", "transformers"))
        params = engine.model.num_parameters()
        write(out, forms, layers=errors, kept_in_float=kept, params=params, versions=versions)
        short = {name: {key: form[key] for key in ("bytes", "parity")} for name, form in forms.items()}
        for form in short.values():
            form["parity"] = {key: value for key, value in form["parity"].items() if key != "examples"}
        return {"forms": short, "params": params, "worst_layers": errors[:5]}

    def _kept(self, errors: Sequence[Mapping[str, Any]]) -> list[str]:
        limit = self.config.max_layer_error
        bad = [layer["name"] for layer in errors if limit and layer["error"] > limit]
        return [*self.config.keep_float, *bad]

    def _convert(
        self,
        out: Path,
        folder: Path,
        student: "M2M100ForConditionalGeneration",
        lists: "OutputLists",
        ranges: Mapping[str, float],
        kept: Sequence[str],
    ) -> dict[str, dict[str, Any]]:
        from distillation.export import ctranslate2_folder, onnx_folder, torch_package
        from distillation.export.manifest import describe_files, total_bytes

        forms: dict[str, dict[str, Any]] = {}
        if self.config.onnx:
            remove(out / "onnx")
            onnx_folder.convert(student, out / "onnx", ranges, kept)
            forms["onnx"] = {
                "weights": "int8",
                "activations": "int8, fixed scales behind norms, else one per row",
                "kept_in_float": list(kept),
            }
        if self.config.ctranslate2:
            remove(out / "ctranslate2")
            ctranslate2_folder.convert(folder, out / "ctranslate2", lists=lists)
            forms["ctranslate2"] = {"weights": "int8", "activations": "int8, one scale per row", "kept_in_float": []}
        if self.config.torch_package:
            remove(out / "torch_package")
            torch_package.convert(student, out / "torch_package", self.config.torch_int8)
            weights, activations = ("int8", "int8, one scale per row") if self.config.torch_int8 else ("float32",) * 2
            told = f"{weights} encoder, float32 decoder of the student"
            forms["torch_package"] = {"weights": told, "activations": activations, "kept_in_float": []}
        for name, form in forms.items():
            form["files"] = describe_files(out / name)
            form["bytes"] = total_bytes(form["files"])
        return forms


def dev_batches(encoded: "EncodedCorpus") -> "list[Batch]":
    """A few batches of dev messages in mixed directions."""
    from training.batches.stream import BatchingConfig
    from training.validation import DevSample

    held = DevSample(encoded, BatchingConfig(batch_tokens=1024), 8, 0)
    found = []
    for batch in held.batches(list(held.rows)):
        found.append(batch)
        if len(found) == CALIBRATION_BATCHES:
            break
    return found


def sample(encoded: "EncodedCorpus", corpus: Path, messages: int) -> list[tuple[str, str, str]]:
    """Dev messages as (source language, target language, text), spread over the directions.

    Raises:
        InputError: the dev split is empty.
    """
    from parley.corpus.store import Corpus

    store = Corpus.open(corpus)
    columns = store.held_out("dev", store.languages).to_pydict()
    wanted = [pair(name) for name in directions(encoded.languages)]
    draw = np.random.default_rng(0)
    texts = {code: [text for text in column if text] for code, column in columns.items()}
    wanted = [(source, target) for source, target in wanted if texts[source]]
    if not wanted:
        raise InputError(f"{corpus}: no dev message to compare exports on")
    chosen = [wanted[place % len(wanted)] for place in range(messages)]
    return [(source, target, texts[source][draw.integers(len(texts[source]))]) for source, target in chosen]


def measure(
    out: Path,
    engine: Any,
    tokenizer: "PreTrainedTokenizerFast",
    lists: "OutputLists",
    asked: Sequence[tuple[str, str, str]],
    forms: dict[str, dict[str, Any]],
) -> None:
    """Put `parity` (with the float student, both with lists), and whether batch mates matter, into each form."""
    from distillation.export import torch_package
    from distillation.export.manifest import compare
    from distillation.runtime.student_runtime import StudentRuntime

    sources, targets, texts = (list(column) for column in zip(*asked, strict=True))
    reference = StudentRuntime(engine, tokenizer, lists)
    wanted = reference.translate_many(texts, sources, targets)
    free = StudentRuntime(engine, tokenizer).translate_many(texts, sources, targets)
    for name, form in forms.items():
        if name == "torch_package":
            runtime = StudentRuntime(engine.with_encoder(torch_package.load(out / name)), tokenizer, lists)
        else:
            runtime = StudentRuntime.load(out, name)
        found = runtime.translate_many(texts, sources, targets)
        form["parity"] = {**compare(wanted, found, asked), "float_changed_by_lists": sum(map(str.__ne__, wanted, free))}
        few = slice(0, BATCH_INDEPENDENCE_MESSAGES)
        alone = [runtime.translate([text], target, source)[0] for source, target, text in asked[few]]
        form["changed_by_batch_mates"] = sum(map(str.__ne__, alone, found[few]))
        say(f"{name}: {form['bytes'] / 1e6:.1f} MB, {form['parity']['same']} of {len(texts)} as the float student")
