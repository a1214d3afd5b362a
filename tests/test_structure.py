"""The house: arrows point down, no circles of files, one class of a name, no script that mends the import path."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BELOW = {  # what each room may import besides itself
    "parley": set(),
    "training": {"parley"},
    "backtranslation": {"parley", "training"},
    "distillation": {"parley", "training"},
    "qe_model": {"parley", "training"},
    "eval": {"parley", "training"},
}
BELOW["scripts"] = set(BELOW)
ROOMS = tuple(BELOW)


@cache
def trees() -> dict[str, ast.Module]:
    """Module name -> its syntax tree."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(module: str, lazy: bool = True) -> set[str]:
    """The project's modules that a module imports; `lazy`: inside functions and for types alone, too."""
    tree = trees()[module]
    nodes = list(ast.walk(tree)) if lazy else [node for part in tree.body for node in eager(part)]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(full if (full := f"{node.module}.{a.name}") in trees() else node.module for a in node.names)
    return {name for name in found if name in trees()} - {module}


def eager(node: ast.stmt) -> list[ast.AST]:
    """A statement of a module with what runs when it is imported."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return []
    return (
        list(ast.walk(node)) if not isinstance(node, ast.ClassDef) else [n for part in node.body for n in eager(part)]
    )


def test_no_room_imports_one_beside_or_above_it() -> None:
    wrong = [
        f"{module} imports {other}"
        for module in trees()
        for other in imports(module)
        if (room := module.split(".")[0]) != (theirs := other.split(".")[0]) and theirs not in BELOW[room]
    ]
    assert wrong == []


def test_only_the_graph_knows_all_rooms() -> None:
    rooms = set(BELOW) - {"parley", "training", "scripts"}
    knowing = [module for module in trees() if rooms <= {name.split(".")[0] for name in imports(module)}]
    assert set(knowing) <= {"scripts.graph", "scripts.run_config"}


def test_there_are_no_circles_of_files() -> None:
    edges = {module: imports(module, lazy=False) for module in trees()}
    while leaves := [module for module, others in edges.items() if not others & edges.keys()]:
        for module in leaves:
            del edges[module]
    assert sorted(edges) == [], "each of these reaches itself"


def test_a_class_name_is_given_once() -> None:
    public = [
        node.name
        for tree in trees().values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Arguments"
    ]
    assert [name for name, count in Counter(public).items() if count > 1] == []


def test_no_script_touches_the_import_path() -> None:
    assert [path for path in (ROOT / "scripts").glob("*.py") if "sys.path" in path.read_text(encoding="utf-8")] == []


def test_one_place_loads_folders_of_others_and_runs_nothing_of_them() -> None:
    calls = {
        (module, any(word.arg == "trust_remote_code" and ast.unparse(word.value) == "False" for word in node.keywords))
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".from_pretrained")
    }
    assert calls == {("parley.pretrained", True)}


def test_there_is_no_dump() -> None:
    assert not [module for module in trees() if module.split(".")[-1] in ("utils", "helpers", "common", "misc")]
