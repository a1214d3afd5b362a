"""The stage that turns a trained student into what engines load, and holds each form against the float student."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from distillation.config import ExportConfig
from distillation.engines.registry import StudentEngine, TrainedStudent, engine_named
from parley.pipeline.atomic import remove
from parley.pipeline.manifest import package_versions
from parley.pipeline.stage import Needs, Stage

if TYPE_CHECKING:
    from training.batches.batch import Batch
    from training.batches.encoded import EncodedCorpus

CALIBRATION_BATCHES: Final = 16
WORST_LAYERS: Final = 5  # named in the stage's facts
PACKAGES: Final = ("torch", "transformers")  # whose versions are told, beside those of the engines


class ExportStage(Stage[ExportConfig]):
    """Exports `student` with `shortlists`; measures on the dev split of `encoded` and `corpus`.

    Its folder: a folder for each engine, tokenizer, `shortlists.json`, `exports.json`.
    """

    name = "student_export"
    needs: ClassVar[Needs] = Needs(cores=0, memory_gb=8.0)  # it measures speed, undisturbed
    version: ClassVar[int] = 4  # forms of registered engines

    @property
    def engines(self) -> list[StudentEngine]:
        """The engines that are exported for, the one to ship first."""
        return [engine_named(name) for name in self.config.engines]

    def check(self) -> None:
        """Look for the engines.

        Raises:
            InputError: one is unknown or not installed.
        """
        for engine in self.engines:
            engine.check()

    def run(self, out: Path, inputs: Mapping[str, Path]) -> dict[str, Any]:
        """Export and measure.

        Raises:
            InputError: student and shortlists of different vocabularies, a processor that cannot run an engine.
        """
        from distillation.export.manifest import write
        from distillation.export.parity import Parity, dev_messages
        from distillation.runtime.torch_engine import TorchEngine
        from distillation.shortlists import Shortlists
        from distillation.student.quantization import input_ranges, layer_errors
        from parley.decoding.detection import Detector
        from training.batches.encoded import EncodedCorpus
        from training.tokenizer import check_vocabulary, load_tokenizer

        shortlists, encoded = Shortlists.load(inputs["shortlists"]), EncodedCorpus.open(inputs["encoded"])
        check_vocabulary(inputs["student"], shortlists.vocabulary_digest)
        check_vocabulary(inputs["student"], encoded.vocabulary_digest)
        tokenizer = load_tokenizer(inputs["student"])
        exact = TorchEngine.load(inputs["student"], int(tokenizer.eos_token_id))
        out.mkdir(parents=True, exist_ok=True)
        tokenizer.save_pretrained(str(out))
        shortlists.save(out)
        if detector := Detector.beside(inputs["student"]):
            detector.save(out)
        batches = dev_batches(encoded)
        ranges = input_ranges(exact.model, batches)
        student = TrainedStudent(exact.model, inputs["student"], shortlists, ranges, self.config.keep_float)
        forms = {engine.name: self._write(engine, student, out) for engine in self.engines}
        parity = Parity(exact, tokenizer, shortlists, dev_messages(encoded, inputs["corpus"]))
        for name, form in forms.items():
            form |= parity.of(out, name)
        layers = [asdict(layer) for layer in layer_errors(exact.model, batches, ranges)]
        params = exact.model.num_parameters()
        packages = [*PACKAGES, *(package for engine in self.engines for package in engine.packages)]
        write(out, forms, layers=layers, params=params, versions=package_versions(packages))
        return {"forms": short(forms), "params": params, "worst_layers": layers[:WORST_LAYERS]}

    @staticmethod
    def _write(engine: StudentEngine, student: TrainedStudent, out: Path) -> dict[str, Any]:
        """Write one form; what the manifest says of it."""
        from distillation.export.manifest import describe_files, total_bytes

        folder = out / engine.name
        remove(folder)
        engine.write(student, folder)
        files = describe_files(folder)
        kept = list(student.keep_float) if engine.keeps_float else []
        numbers = {"weights": engine.weights, "activations": engine.activations, "kept_in_float": kept}
        return {**numbers, "files": files, "bytes": total_bytes(files)}


def short(forms: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the stage's facts tell of the forms."""
    return {
        name: {"bytes": form["bytes"], "parity": {key: n for key, n in form["parity"].items() if key != "examples"}}
        for name, form in forms.items()
    }


def dev_batches(encoded: "EncodedCorpus") -> "list[Batch]":
    """A few batches of dev messages in mixed directions."""
    from itertools import islice

    from training.batches.stream import BatchingConfig
    from training.validation import DevSample

    held = DevSample(encoded, BatchingConfig(batch_tokens=1024), 8, 0)
    return list(islice(held.batches(list(held.rows)), CALIBRATION_BATCHES))
