"""One student on three engines: same words, shortlists kept, nothing depends on batch mates, clear errors."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distillation.config import ExportConfig, StudentConfig
from distillation.export.ctranslate2_folder import engine_names
from distillation.export.parity import DevMessage, compare
from distillation.export.stage import ExportStage
from distillation.runtime import onnx_engine, onnx_steps
from distillation.runtime.engine import Request
from distillation.runtime.student_runtime import StudentRuntime
from distillation.shortlist_stage import ShortlistsConfig, ShortlistsStage
from distillation.shortlists import Shortlists
from distillation.student.initialization import build_student
from parley.decoding.parts import Parts
from parley.decoding.translator import DecodingConfig
from parley.glossary.hints import slot
from parley.pipeline.errors import InputError
from tests.parley.languages.typed import CLEAN, INVISIBLE, TYPED
from tests.training.toy_corpus import make_inputs
from training.model.loading import Translator
from training.tokenizer import load_tokenizer

TEXTS = ["go now", "help team boss", "red key door left up", "run", "heal wait heal", "boss boss now fast blue"]
STUDENT = StudentConfig(d_model=32, encoder_layers=2, decoder_layers=2, ffn_dim=64, start="random")
ENGINES = ("onnx", "ctranslate2", "torch")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Toy data, a random student with clear preferences, and its shortlists."""
    root = tmp_path_factory.mktemp("toy")
    folders = make_inputs(root, rows=300)
    tokenizer = load_tokenizer(folders["tokenizer"])
    student = build_student(STUDENT, len(tokenizer), 3)
    with torch.no_grad():
        for layer in student.model.decoder.layers:  # what was read matters more than what was said last
            layer.encoder_attn.v_proj.weight.mul_(8)
            layer.encoder_attn.out_proj.weight.mul_(8)
            layer.encoder_attn.q_proj.weight.mul_(4)
    student.save_pretrained(root / "student")
    tokenizer.save_pretrained(str(root / "student"))
    ShortlistsStage(ShortlistsConfig()).run(root / "shortlists", folders)
    return {**folders, "student": root / "student", "shortlists": root / "shortlists"}


@pytest.fixture(scope="module")
def exported(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("onnx", "onnxruntime", "ctranslate2"):
        pytest.importorskip(package, reason=f"{package} is not installed: extras [onnx] and [ctranslate2]")
    out = tmp_path_factory.mktemp("export") / "out"
    facts = ExportStage(ExportConfig()).run(out, inputs)
    assert set(facts["forms"]) == {"onnx", "ctranslate2"}
    for path in inputs["student"].iterdir():  # so that the torch engine finds the float student beside
        if not (out / path.name).exists():
            (out / path.name).write_bytes(path.read_bytes())
    return out


def runtime(folder: Path, engine: str) -> StudentRuntime:
    return StudentRuntime.load(folder, engine, max_new_tokens=12, guarded=False)


def test_an_export_without_a_detector_says_so(exported: Path) -> None:
    with pytest.raises(InputError, match="no detector of source languages"):
        runtime(exported, "torch").detect(["go"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_translation_does_not_depend_on_its_batch_mates(exported: Path, engine: str) -> None:
    student = runtime(exported, engine)
    together = student.decode(student.encode(TEXTS, "en"), ["fr", "th"])
    for target, outputs in together.items():
        alone = [student.translate([text], target, "en")[0] for text in TEXTS]
        assert outputs == alone
    assert len(set(together["fr"])) > 1  # the sources matter


@pytest.mark.parametrize("engine", ENGINES)
def test_it_does_not_matter_how_a_message_was_typed(exported: Path, engine: str) -> None:
    student = runtime(exported, engine)
    assert student.translate(TYPED, "fr") == student.translate(CLEAN, "fr")
    assert student.translate([*INVISIBLE, "go now"], "fr")[:-1] == [""] * len(INVISIBLE)


@pytest.mark.parametrize("engine", ENGINES)
def test_long_messages_are_translated_in_parts(exported: Path, engine: str) -> None:
    student, part = runtime(exported, engine), "red key door left up! " * 8
    found = student.translate([part * 4, "go now"], "fr")
    parts = Parts.of([part * 4], student.tokenizer).texts
    assert len(parts) > 1
    assert found == [" ".join(filter(None, student.translate(parts, "fr"))), *student.translate(["go now"], "fr")]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_encoded_once_serves_any_language_later(exported: Path, engine: str) -> None:
    student = runtime(exported, engine)
    kept = student.encode(TEXTS, "auto")
    first, second = student.decode(kept[:3], ["fr"]), student.decode(kept, ["th", "fr"])
    assert first["fr"] == second["fr"][:3]
    assert second["th"] == student.translate(TEXTS, "th")
    if engine != "ctranslate2":
        assert all(message.states is not None and len(message.states) == len(message.tokens) for message in kept)


@pytest.mark.parametrize("engine", ENGINES)
def test_only_pieces_of_the_list_are_written(exported: Path, engine: str) -> None:
    student = runtime(exported, engine)
    assert student.shortlists is not None
    tiny = set(student.shortlists.pieces["fr"][:300])
    student.shortlists = replace(student.shortlists, pieces={**student.shortlists.pieces, "fr": sorted(tiny)})
    if engine == "ctranslate2":  # its shortlists are files of the export
        tiny = set(Shortlists.load(exported).pieces["fr"])
    pieces: list[int] = []
    decode = student.engine.decode

    def recorded(*args: Any) -> list[list[int]]:
        found = decode(*args)
        pieces.extend(piece for tokens in found for piece in tokens)
        return found

    student.engine.decode = recorded  # type: ignore[method-assign]
    student.translate(TEXTS, "fr", "en")
    assert pieces
    assert set(pieces) <= tiny


def test_the_float_engine_says_what_the_projects_translator_says(inputs: dict[str, Path], exported: Path) -> None:
    student = runtime(exported, "torch")
    student.shortlists = None
    translator = Translator.load(inputs["student"], DecodingConfig(max_new_tokens=12))
    assert student.translate(TEXTS, "th", "en") == translator.translate(TEXTS, "th", "en")


@pytest.mark.parametrize("engine", ["onnx", "ctranslate2"])
def test_int8_states_and_words_are_near_the_float_ones(exported: Path, engine: str) -> None:
    ours, theirs = runtime(exported, "torch"), runtime(exported, engine)
    wanted = ours.decode(ours.encode(TEXTS, "en"), ["fr", "th"])
    found = theirs.decode(theirs.encode(TEXTS, "en"), ["fr", "th"])
    starts = [a.split()[:1] == b.split()[:1] for code in wanted for a, b in zip(wanted[code], found[code], strict=True)]
    assert np.mean(starts) >= 0.5  # random weights: most steps are near ties
    if engine == "onnx":
        for a, b in zip(ours.encode(TEXTS, "en"), theirs.encode(TEXTS, "en"), strict=True):
            assert a.states is not None
            assert b.states is not None
            assert np.linalg.norm(a.states - b.states) < 0.05 * np.linalg.norm(a.states)


def test_layers_kept_in_float_are_exact(inputs: dict[str, Path], exported: Path, tmp_path: Path) -> None:
    config = ExportConfig(engines=["onnx"], keep_float=["encoder", "decoder"])
    ExportStage(config).run(tmp_path / "out", inputs)
    exact, found = (r.encode(TEXTS, "en") for r in (runtime(exported, "torch"), runtime(tmp_path / "out", "onnx")))
    rough = runtime(exported, "onnx").encode(TEXTS, "en")

    def error(messages: list) -> float:  # type: ignore[type-arg]
        return max(np.linalg.norm(a.states - b.states) for a, b in zip(exact, messages, strict=True))

    assert error(found) < 0.5 * error(rough)  # the embedding stays in eight bits


def test_the_manifest_says_what_there_is(exported: Path) -> None:
    manifest = json.loads((exported / "exports.json").read_text())
    assert manifest["params"] > 0
    assert manifest["layers"][0]["error"] >= manifest["layers"][-1]["error"] > 0
    for name, form in manifest["forms"].items():
        assert form["bytes"] == sum(entry.get("bytes", 0) for entry in form["files"])
        assert form["parity"]["messages"] == 200
        assert form["parity"]["same"] + form["parity"]["differing"] == 200
        assert form["changed_by_batch_mates"] == 0
        for entry in form["files"]:
            assert (exported / name / entry["path"]).is_file()
    linked = [entry for entry in manifest["forms"]["ctranslate2"]["files"] if "same_as" in entry]
    assert {Path(entry["path"]).name for entry in linked} >= {"model.bin"}


def test_buffers_grow_and_shrink_without_a_trace(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = StudentRuntime.load(exported, "onnx", guarded=False)
    student.engine.end = -1  # type: ignore[attr-defined]  # nothing ends but by its limit
    tag = int(student.tokenizer.convert_tokens_to_ids("__fr__"))
    asked = [Request(message, "fr", tag, 5 + 9 * place) for place, message in enumerate(student.encode(TEXTS, "en"))]
    roomy = student.engine.decode(asked, student.shortlists)
    monkeypatch.setattr(onnx_steps, "FIRST_ROOM", 2)
    assert student.engine.decode(asked, student.shortlists) == roomy
    assert [len(tokens) for tokens in roomy] == [one.limit for one in asked]


def test_rows_of_a_message_share_its_source_and_leave_one_by_one(exported: Path) -> None:
    student = StudentRuntime.load(exported, "onnx", guarded=False)
    student.engine.end = -1  # type: ignore[attr-defined]  # nothing ends but by its limit
    tags = {code: int(student.tokenizer.convert_tokens_to_ids(f"__{code}__")) for code in ("fr", "th", "en")}
    asked = [
        Request(message, code, tags[code], 3 + 4 * place + 7 * number)
        for number, message in enumerate(student.encode(TEXTS[:3], "en"))
        for place, code in enumerate(tags)
    ]
    mixed = asked[::2] + asked[1::2]  # in the order asked, whatever stands together inside
    alone = [student.engine.decode([one], student.shortlists)[0] for one in mixed]
    assert student.engine.decode(mixed, student.shortlists) == alone
    assert [len(tokens) for tokens in alone] == [one.limit for one in mixed]


def test_graphs_of_an_older_export_are_refused(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "onnx"
    shutil.copytree(exported / "onnx", folder)
    (folder / "settings.json").write_text('{"largest_output": 4.0}')
    with pytest.raises(InputError, match="graphs of another version of this project: export the student again"):
        onnx_engine.OnnxEngine(folder, 2, 1)


def test_nothing_to_say_is_empty(exported: Path) -> None:
    student = runtime(exported, "onnx")
    assert student.translate(["", "  ", "go now"], "fr", "en")[:2] == ["", ""]
    assert student.translate([], "fr") == []


def test_limits_hold(exported: Path) -> None:
    for engine in ENGINES:
        student = StudentRuntime.load(exported, engine, max_new_tokens=3, guarded=False)
        found = student.engine.decode(_requests(student), None if engine == "ctranslate2" else student.shortlists)
        assert all(len(tokens) <= 3 for tokens in found)


def _requests(student: StudentRuntime) -> list:  # type: ignore[type-arg]
    from distillation.runtime.engine import Request

    return [Request(message, "fr", 6, 3) for message in student.encode(TEXTS, "en")]


def test_errors_are_one_clear_line(
    exported: Path, inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="unknown engine 'tpu'; choose ctranslate2 or onnx or torch"):
        StudentRuntime.load(exported, "tpu")
    with pytest.raises(InputError, match="holds no form for engine onnx; it holds: torch"):
        StudentRuntime.load(inputs["student"], "onnx")
    with pytest.raises(InputError, match="unknown language code"):
        runtime(exported, "onnx").translate(["go"], "xx", "en")
    monkeypatch.setattr(onnx_engine, "cpu_flags", lambda: frozenset({"avx2", "sse4_2"}))
    with pytest.raises(InputError, match="this processor has none of avx512_vnni"):
        runtime(exported, "onnx")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="engine onnx needs the package onnxruntime"):
        runtime(exported, "onnx")
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(InputError, match="engine ctranslate2 needs the package ctranslate2"):
        runtime(exported, "ctranslate2")


def test_shortlists_of_another_vocabulary_are_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    shortlists = Shortlists.load(inputs["shortlists"])
    (tmp_path / "shortlists").mkdir()
    replace(shortlists, vocabulary_digest="0" * 16).save(tmp_path / "shortlists")
    with pytest.raises(InputError, match="another vocabulary"):
        ExportStage(ExportConfig()).run(tmp_path / "out", {**inputs, "shortlists": tmp_path / "shortlists"})
    assert not (tmp_path / "out").exists()


def test_names_for_ctranslate2_have_no_separators_and_are_distinct() -> None:
    names = engine_names(["<s>", " go", "▁go", "go", " ", "\t", "a\tb"])
    assert len(set(names)) == 7
    assert names[:2] == ["<s>", "▁go"]
    assert not any(character in name for name in names for character in " \t")


def test_differences_are_listed() -> None:
    found = compare([DevMessage("en", "fr", "a"), DevMessage("en", "th", "b")], ["x", "y"], ["x", "z"])
    assert (found["same"], found["differing"]) == (1, 1)
    assert found["examples"] == [{"source": "en", "target": "th", "message": "b", "float": "y", "exported": "z"}]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_glossary_gives_hints_whose_slots_are_filled(exported: Path, engine: str, tmp_path: Path) -> None:
    terms = tmp_path / "terms.csv"
    terms.write_text("term_id,en,fr\nboss,boss,zzyx\n", encoding="utf-8")
    student = StudentRuntime.load(exported, engine, glossary=terms, max_new_tokens=12, guarded=False)
    slot_bytes = student.tokenizer.convert_tokens_to_ids([f"<0x{byte:02X}>" for byte in slot(0).encode()])
    tokens: list[tuple[int, ...]] = []
    decode = student.engine.decode

    def recorded(requests: Any, allowed: Any) -> list[list[int]]:
        tokens.extend(request.message.tokens for request in requests)
        return [[*slot_bytes, *ids] for ids in decode(requests, allowed)]

    student.engine.decode = recorded  # type: ignore[method-assign]
    sources = ["go now", "help team boss", "<term> go <as> now </term>"]
    found = student.translate(sources, "fr", "en")
    assert "zzyx" in found[1]
    hinted = [
        student.tokenizer.decode(ids)
        for ids in tokens
        if ids and student.tokenizer.convert_tokens_to_ids("<as>") in ids
    ]
    assert [text.replace("\x80", "1").replace("\ufffd", "1") for text in hinted] == [
        "__en__ help team boss<term>1 boss<as> zzyx</term></s>"
    ]
