"""Where the notebook lies, what it says above a cell, and which files its code names."""

from __future__ import annotations

import ast
import json
import os
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

MOST_MARKDOWN = 4_000
_LONGEST_PATH = 1_000


def notebook_path(namespace: Mapping[str, Any], environ: Mapping[str, str]) -> Path | None:
    """Return the notebook's file where the front end tells it: JupyterLab, VS Code, papermill, `score-nb run`."""
    told = (
        environ.get("SCORE_NB_NOTEBOOK"),
        environ.get("JPY_SESSION_NAME"),
        namespace.get("__vsc_ipynb_file__"),
        namespace.get("PAPERMILL_INPUT_PATH"),
    )
    for text in told:
        if isinstance(text, str) and text.endswith(".ipynb"):
            path = Path(text)
            if path.is_file():
                return path.absolute()
    return None


def notebook_folder(path: Path | None) -> Path:
    """Return the folder of the notebook, else the current one."""
    return path.parent if path is not None else Path.cwd()


def markdown_above(path: Path | None, cell_id: str | None, text: str) -> str:
    """Return the nearest Markdown above the cell (known by its id, else by its text); "" where there is none.

    The file may be older than what the page shows: what cannot be read or found is no error.
    """
    if path is None:
        return ""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        position = _position(cells, cell_id, text)
        above = next((_source(cell) for cell in reversed(cells[:position]) if _is_prose(cell)), "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return above.strip()[:MOST_MARKDOWN]


def _position(cells: list[dict[str, Any]], cell_id: str | None, text: str) -> int:
    for wanted in (lambda cell: cell_id is not None and cell.get("id") == cell_id, lambda cell: _source(cell) == text):
        for position, cell in enumerate(cells):
            if cell["cell_type"] == "code" and wanted(cell):
                return position
    return 0


def _is_prose(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "markdown" and bool(_source(cell).strip())


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def named_files(source: str, functions: Iterable[types.FunctionType], values: Iterable[Any], folder: Path) -> list[str]:
    """Return the existing files, and folders below `folder`, that the code names in its strings or holds as values."""
    found: set[str] = set()
    strings = [*_strings_in(source), *(s for f in functions for s in _strings_in_code(f.__code__))]
    for text in (*strings, *(value for value in values if isinstance(value, (str, os.PathLike)))):
        path = _existing(text, folder)
        if path is not None:
            found.add(str(path))
    return sorted(found)


def _existing(text: Any, folder: Path) -> Path | None:
    try:
        name = os.fspath(text)
        if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_PATH or "\n" in name or "\0" in name:
            return None
        path = Path(os.path.abspath(folder / Path(name).expanduser()))
        # A folder is named by many strings that mean none ("", ".", "/"): only those below the notebook's count.
        if path.is_file() or (path.is_dir() and folder in path.parents):
            return path
    except (OSError, ValueError, RuntimeError):
        return None
    return None


def _strings_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _strings_in_code(constant: object) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, types.CodeType):
        for inner in constant.co_consts:
            yield from _strings_in_code(inner)
    elif isinstance(constant, (tuple, frozenset)):
        for inner in constant:
            yield from _strings_in_code(inner)
