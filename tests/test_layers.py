"""Imports point one way: notebook, batch -> run -> parts -> values; the parts never import each other."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "score_nb"
VALUES = {"packing", "types", "config", "errors", "events", "record", "columns", "crossval"}
PARTS = {"cell", "search", "propose", "evaluate", "store", "view"}
MAY_IMPORT = {
    **dict.fromkeys(VALUES, VALUES),
    **{part: VALUES | {part} for part in PARTS},
    "run": VALUES | PARTS | {"run"},
    "notebook": VALUES | PARTS | {"run", "notebook"},
    "batch": VALUES | PARTS | {"run", "notebook", "batch"},
}
PURE = {"packing", "types", "errors", "events", "record", "columns", "cell", "search"}
IMPURE_MODULES = {"os", "sys", "time", "threading", "subprocess", "socket", "pathlib", "io", "tempfile", "shutil"}
FRONT_ENDS = {"IPython", "ipywidgets", "anywidget", "ipykernel", "traitlets"}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def layer_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path) -> Iterator[str]:
    """Every module imported anywhere in the file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            if module == "score_nb":
                yield from (f"score_nb.{alias.name}" for alias in node.names)
            else:
                yield module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    allowed = MAY_IMPORT[layer_of(path)]
    for module in imports(path):
        if module.startswith("score_nb."):
            assert module.split(".")[1] in allowed, f"{path.relative_to(PACKAGE)} imports {module}"


@pytest.mark.parametrize("path", [p for p in FILES if layer_of(p) in PURE], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_pure_layers_use_the_standard_library_and_touch_nothing(path: Path) -> None:
    for module in imports(path):
        top = module.split(".")[0]
        assert top == "score_nb" or top in sys.stdlib_module_names, f"{path.name} imports {module}"
        assert top not in IMPURE_MODULES, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_notebook_folder_knows_front_ends(path: Path) -> None:
    if layer_of(path) != "notebook":
        assert not FRONT_ENDS & {module.split(".")[0] for module in imports(path)}


def test_the_check_sees_an_import_that_points_up(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from score_nb.run.loop import Loop\n")
    assert list(imports(bad)) == ["score_nb.run.loop"]
    assert "run" not in MAY_IMPORT["search"]
