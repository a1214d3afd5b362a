"""The graph of every experiment: which stages it has, and which of them several runs share."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from parley.config.composition import compose_config, groups
from parley.pipeline.errors import InputError
from parley.pipeline.runner import Plan, make_plan
from scripts.graph import stages
from scripts.run_config import RunConfig
from scripts.sweep import varied

BASE = ["cleaned", "compared", "corpus", "tokenizer", "encoded", "teacher", "evaluation", "report"]
ONE_ROUND = ["generated_1", "synthetic_1", "control_1", "round_1"]


def plan(root: Path, *words: str) -> Plan:
    config = compose_config(RunConfig, "pipeline", words)
    return make_plan(stages(config), root / "run")


def folders(found: Plan) -> dict[str, str]:
    return {stage.name: job.folder.name for stage, job in found.jobs.items()}


def demo(root: Path, *words: str) -> dict[str, str]:
    chosen = [] if any(word.startswith("backtranslation=") for word in words) else ["backtranslation=demo"]
    return folders(plan(root, "experiment=demo_teacher", *chosen, *words))


@pytest.mark.parametrize("experiment", groups()["experiment"])
def test_every_experiment_has_a_graph(experiment: str) -> None:
    config = compose_config(RunConfig, "pipeline", [f"experiment={experiment}", "data.root=../shared/data"])
    found = stages(config)
    names = [stage.name for stage in found]
    assert len(set(names)) == len(names)
    assert set(BASE) <= set(names) or not config.teacher.enabled
    assert names[-1] == "report"
    assert [name for name in names if name.startswith("round_")] == [
        f"round_{number + 1}" for number in range(config.backtranslation.rounds)
    ]


def test_a_pretrained_encoder_needs_no_translation(tmp_path: Path) -> None:
    found = folders(plan(tmp_path, "experiment=qe", "data.root=../shared/data"))
    assert [*found] == ["qe_data", "qe", "qe_evaluation", "report"]


@pytest.mark.parametrize("reader", ["qe=demo", "distillation=demo", "backtranslation=demo", "qe=none"])
def test_what_reads_the_teacher_is_refused_without_one(tmp_path: Path, reader: str) -> None:
    with pytest.raises(InputError, match="teacher=none"):
        plan(tmp_path, "experiment=qe", reader, "data.root=../shared/data")


def test_what_people_said_is_named_once_for_quality_estimation_and_report(tmp_path: Path) -> None:
    (tmp_path / "people.jsonl").write_text("{}")
    source = "+qe_data.sources={mine:{file:people.jsonl,form:campaign,style:spans}}"
    without, with_it = (demo(tmp_path, "qe=demo", f"qe_data.root={tmp_path}", *words) for words in ([], [source]))
    assert {name for name in without if without[name] != with_it[name]} >= {"qe_data", "qe", "report"}
    assert without["teacher"] == with_it["teacher"]


def test_a_run_without_rounds_is_the_plain_chain(tmp_path: Path) -> None:
    assert [*demo(tmp_path, "backtranslation=none")] == BASE


def test_rounds_stand_between_teacher_and_evaluation(tmp_path: Path) -> None:
    found = plan(tmp_path, "experiment=demo_teacher", "backtranslation=demo", "backtranslation.rounds=2")
    by_name = {stage.name: stage for stage in found.jobs}
    assert by_name["round_1"].inputs["model"] is by_name["teacher"]
    assert by_name["round_2"].inputs["model"] is by_name["round_1"]
    assert by_name["generated_2"].inputs["model"] is by_name["round_1"]
    assert by_name["control_2"].inputs["model"] is by_name["control_1"]
    assert by_name["control_2"].inputs["round"] is by_name["round_1"]
    assert by_name["evaluation"].inputs["model"] is by_name["round_2"]
    assert by_name["evaluation_teacher_no_bt"].inputs["model"] is by_name["teacher_no_bt"]
    assert by_name["report"].inputs["backtranslation"] is by_name["backtranslation"]
    assert {"with", "without", "round_1", "round_2"} == set(by_name["backtranslation"].inputs)


def test_without_a_control_nothing_else_is_trained(tmp_path: Path) -> None:
    found = demo(tmp_path, "backtranslation.control=false")
    assert [name for name in found if "control" in name or "no_bt" in name] == []


def test_quality_estimation_reads_corpus_and_teacher(tmp_path: Path) -> None:
    found = plan(tmp_path, "experiment=demo_teacher", "qe=demo")
    by_name = {stage.name: stage for stage in found.jobs}
    assert by_name["qe_data"].inputs == {"corpus": by_name["corpus"]}
    assert by_name["qe"].inputs == {name: by_name[name] for name in ("qe_data", "teacher")}
    assert by_name["report"].inputs["qe_evaluation"] is by_name["qe_evaluation"]
    assert by_name["qe"].config.tracking == compose_config(RunConfig, "pipeline", ["experiment=demo_teacher"]).tracking


def test_the_filter_of_back_translation_reads_the_first_teachers_quality_estimation(tmp_path: Path) -> None:
    words = "experiment=demo_teacher", "backtranslation=demo", "backtranslation.rounds=2", "qe=demo"
    by_name = {stage.name: stage for stage in plan(tmp_path, *words, "backtranslation.filter.min_qe=50").jobs}
    for name in ("synthetic_1", "synthetic_2"):
        assert by_name[name].inputs["qe"] is by_name["qe"]
    assert by_name["qe"].inputs["teacher"] is by_name["teacher"]
    by_name = {stage.name: stage for stage in plan(tmp_path, *words).jobs}
    assert set(by_name["synthetic_1"].inputs) == {"generated"}


def test_the_student_learns_from_the_last_adopted_model(tmp_path: Path) -> None:
    words = "distillation=demo", "distillation.control=true", "backtranslation=demo", "backtranslation.control=false"
    found = plan(tmp_path, "experiment=demo_teacher", *words)
    by_name = {stage.name: stage for stage in found.jobs}
    assert by_name["student"].inputs["teacher"] is by_name["round_1"]
    assert by_name["evaluation_student"].inputs["model"] is by_name["student"]
    assert by_name["evaluation_student_no_kd"].inputs["model"] is by_name["student_no_kd"]
    assert {"evaluation", "evaluation_student", "student_export"} <= set(by_name["report"].inputs)
    assert set(by_name["backtranslation"].inputs) == {"with", "round_1"}


def test_the_first_exported_form_is_a_system(tmp_path: Path) -> None:
    words = "experiment=demo_teacher", "distillation=demo", "backtranslation=none"
    one = {stage.name: stage for stage in plan(tmp_path, *words).jobs}
    assert one["evaluation_student_int8"].inputs["model"] is one["student_export"]
    assert one["evaluation_student_int8"].form == "onnx"  # type: ignore[attr-defined]
    assert "evaluation_student_int8_ctranslate2" not in one


def test_systems_from_elsewhere_change_nothing_but_the_report(tmp_path: Path) -> None:
    (tmp_path / "other.tsv").write_text("pair\trow_id\thypothesis\n")
    words = "backtranslation=none", f"evaluation.systems=[{{name: other, path: {tmp_path / 'other.tsv'}}}]"
    one, two = demo(tmp_path, words[0]), demo(tmp_path, *words)
    assert {name for name in two if one.get(name) != two[name]} == {"evaluation_other", "report"}


def test_the_outputs_of_every_system_are_scored(tmp_path: Path) -> None:
    words = (
        "experiment=demo_teacher",
        "backtranslation=demo",
        "distillation=demo",
        "distillation.control=true",
        "qe=demo",
    )
    by_name = {stage.name: stage for stage in plan(tmp_path, *words).jobs}
    systems = {name.removeprefix("evaluation") for name in by_name if name.startswith("evaluation")}
    assert systems == {"", "_teacher_no_bt", "_student", "_student_int8", "_student_no_kd"}
    for system in systems:
        scored = by_name[f"quality{system}"]
        assert scored.inputs == {"evaluation": by_name[f"evaluation{system}"], "qe": by_name["qe"]}
        assert by_name["report"].inputs[scored.name] is scored


def test_a_student_has_no_control_unless_it_is_asked_for(tmp_path: Path) -> None:
    one, two = (demo(tmp_path, "distillation=demo", f"distillation.control={word}") for word in ("false", "true"))
    assert set(two) - set(one) == {"student_no_kd", "evaluation_student_no_kd"}
    assert {name for name in one if one[name] != two[name]} == {"report"}


def test_exports_and_budgets_do_not_touch_what_they_do_not_reach(tmp_path: Path) -> None:
    words = "distillation=demo", "distillation.control=true", "backtranslation=none"
    one = demo(tmp_path, *words)
    exports = demo(tmp_path, *words, "distillation.export.engines=[ctranslate2]")
    budget = demo(tmp_path, *words, "distillation.training.learning_rate=1e-3")
    exported = {"student_export", "evaluation_student_int8", "report"}
    assert {name for name in one if one[name] != exports[name]} == exported
    changed = {name for name in one if one[name] != budget[name]}
    assert {"student", "student_no_kd"} <= changed
    assert not changed & {"teacher", "token_targets", "shortlists", "evaluation"}


def test_runs_share_what_is_the_same(tmp_path: Path) -> None:
    one = demo(tmp_path)
    none, two = demo(tmp_path, "backtranslation=none"), demo(tmp_path, "backtranslation.rounds=2")
    assert {name: none[name] for name in BASE[:4]} == {name: one[name] for name in BASE[:4]}
    assert {name: two[name] for name in ONE_ROUND} == {name: one[name] for name in ONE_ROUND}


def test_a_sweep_over_the_ratio_shares_all_but_the_round(tmp_path: Path) -> None:
    words = ["experiment=backtranslation_ratio", "backtranslation.ratio=0.5"]
    half, four = folders(plan(tmp_path, *words)), folders(plan(tmp_path, words[0], "backtranslation.ratio=4"))
    other = {name for name in half if half[name] != four[name]}
    assert other == {"round_1", "evaluation", "backtranslation", "report"}


@pytest.mark.parametrize("experiment", groups()["experiment"])
def test_resources_fit_every_experiment(experiment: str) -> None:
    words = [f"experiment={experiment}", "data.root=../shared/data", "teacher=base", "distillation=roblox", "qe=base"]
    config = compose_config(RunConfig, "pipeline", words)
    for stage in stages(config):
        grant = config.executor.resources(stage)
        assert grant.accelerators == grant.processes or not uses_a_device(stage.config), stage.name


def uses_a_device(value: Any) -> bool:
    """Whether a config says where a model computes."""
    if not dataclasses.is_dataclass(value):
        return False
    parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return "device" in parts or any(uses_a_device(part) for part in parts.values())


def test_the_largest_run_trains_on_a_whole_node() -> None:
    words = ["experiment=roblox_1b", "data.root=../shared/data", "distillation=roblox", "backtranslation=demo"]
    words += ["distillation.control=true"]
    config = compose_config(RunConfig, "pipeline", words)
    grants = {stage.name: config.executor.resources(stage) for stage in stages(config)}
    trained = {name for name, grant in grants.items() if grant.processes == grant.accelerators == 8}
    assert trained == {"teacher", "round_1", "student", "student_no_kd"}


def test_an_update_must_hold_a_micro_batch_of_each_process() -> None:
    words = ["experiment=roblox_1b", "data.root=../shared/data", "training.update_tokens=100000"]
    config = compose_config(RunConfig, "pipeline", words)
    teacher = next(stage for stage in stages(config) if stage.name == "teacher")
    with pytest.raises(
        InputError, match=r"stages\.teacher\.processes: 8 .*batching\.batch_tokens=16384 .*update_tokens=100000"
    ):
        config.executor.resources(teacher)


def test_words_that_vary() -> None:
    assert varied([["a=1", "b=1"], ["a=1", "b=2"]]) == {"b=1", "b=2"}
    assert varied([["a=1"]]) == set()
