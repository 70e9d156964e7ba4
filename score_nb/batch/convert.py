"""A notebook in ERA's format as one with a `%%score` cell."""

from __future__ import annotations

import ast
import re
import uuid
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from score_nb.batch.era import EraNotebook, ScoreLine, is_excluded, read_era, told, wording
from score_nb.batch.era_metric import EraMetric, inert_above, is_python, is_scored_below, metric_of
from score_nb.batch.era_seed import files_named, scoring_in, writing_in
from score_nb.batch.results import TAG
from score_nb.batch.source import Piece, pieces_of, plain_python, whole
from score_nb.cell.names import Names, names_of
from score_nb.errors import ScoreError
from score_nb.types import Direction

_CODE_WORD = re.compile(r"`+\s*([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Converted:
    """The notebook with its `%%score` cell, and what was made of it, in words.

    Attributes
    ----------
    notebook : notebook
        A copy; the one that was read is left as it is.
    said : tuple of str
        Which line tells the score, which way is better, and why: one sentence each.
    """

    notebook: Any
    said: tuple[str, ...]


def convert(notebook: Any) -> Converted:
    """Return a notebook in ERA's format with the mutable cell under `%%score`.

    The mutable cell becomes the seed; what the cells below compute from it, up to the printed score, becomes the
    metric, a function that returns the number on that line.  Statements below that do not depend on the mutable cell
    (data that is loaded, helpers) are moved above it, so that they are done once.

    Raises
    ------
    ScoreError
        The notebook cannot be taken; the message says what stands in the way.
    """
    era = read_era(notebook)
    seed, is_stub, magics = _seed(era)
    pieces = pieces_of(seed)
    era, pieces, moved, files = _taken_below(era, pieces)
    seed = "\n".join(piece.text for piece in pieces).strip("\n") if moved else seed
    metric = metric_of(era, pieces, files)
    direction, why = _direction(metric.line, era)
    shared = _shared(era, metric, pieces)
    options = [f"--{direction}", *(["--stub"] if is_stub else []), *([f"--share {','.join(shared)}"] if shared else [])]
    options += [f"--hide {metric.name}"] if metric.is_hidden else []
    score_cell = deepcopy(era.cell)
    score_cell.source = f"%%score {metric.name} {' '.join(options)}\n{seed}"
    made = [
        *era.before,
        *([_code("\n".join(magics))] if magics else []),
        *([_code(metric.once)] if metric.once else []),
        _code(f"%load_ext score_nb\n{_with_goal(metric, era.goal)}"),
        score_cell,
        *_cells_below(era, metric),
    ]
    result = deepcopy(notebook)
    result.cells = [_clean(cell) for cell in made]
    result.nbformat, result.nbformat_minor = 4, max(5, notebook.get("nbformat_minor", 0))
    said = [f"the score is the printed line {metric.line.label!r}; {direction} {why}"]
    if moved:
        said.append(f"moved below the mutable cell, out of the candidate's reach: {'; '.join(moved)}")
    if is_stub:
        said.append("the mutable cell is a stub: the search begins from a cell that has no value yet")
    return Converted(result, tuple(said))


def _taken_below(era: EraNotebook, seed: list[Piece]) -> tuple[EraNotebook, list[Piece], list[str], set[str]]:
    """Return the notebook with what the mutable cell must not do itself in a cell below it, the lines moved, and files.

    It may not print the score where nobody else does, and files that cells below read are written there: a candidate
    hands its results over as values.
    """
    moved = [] if is_scored_below(era) else scoring_in(seed, inert_above(era))
    read = set[str]().union(*(files_named(ast.parse(plain_python(c.source)[0])) for c in era.after if is_python(c)))
    writing = [piece for piece in writing_in(seed) if files_named(*piece.statements) & read]
    moved += [piece for piece in writing if piece not in moved]
    kept = [piece for piece in seed if piece not in moved]
    if not moved or not kept:
        return era, seed, [], set()
    texts = [piece.text.strip("\n") for piece in seed if piece in moved]
    files = set[str]().union(*(files_named(*piece.statements) for piece in writing))
    lines = [text.splitlines()[-1].strip() for text in texts]
    return replace(era, after=(_code("\n".join(texts)), *era.after)), kept, lines, files


def _seed(era: EraNotebook) -> tuple[str, bool, list[str]]:
    """Return the seed, whether it is a stub, and the magics that stood in it."""
    source, magics = plain_python(era.seed)
    try:
        seed, is_stub = whole(source if magics or era.seed.lstrip().startswith("%%") else era.seed)
        names_of(seed)
    except SyntaxError as error:
        raise ScoreError(f"the mutable cell is no valid Python: {error.msg} (line {error.lineno})") from None
    if not seed.strip():
        raise ScoreError("the mutable cell is empty: put the code that should become better into it")
    return seed.strip("\n"), is_stub, magics


def _direction(line: ScoreLine, era: EraNotebook) -> tuple[Direction, str]:
    """Return which way is better, and why: by the line's own words, else by the overview's, else upwards."""
    by_label = line.direction
    if by_label is not None:
        return by_label, "by the words of that line"
    by_goal = wording(era.goal)
    if by_goal is not None:
        return by_goal, "by the overview's words"
    by_name = told(era.goal)
    if by_name is not None:
        return by_name, "by the metric that the overview names"
    return "maximize", "as nothing says that lower is better (say --minimize if it is)"


def _shared(era: EraNotebook, metric: EraMetric, seed: list[Piece]) -> list[str]:
    """Return the names that overview and mutable cell tell the model of, so that candidates may read them.

    Only what cells above define and show, and nothing that the metric reads: that is what candidates are scored on.
    """
    mentioned = set(_CODE_WORD.findall(f"{era.goal}\n{era.seed}"))  # in code they stand in comments and docstrings
    cells = [cell for cell in era.before if cell.cell_type == "code"]
    names = [(names_of(plain_python(cell.source)[0]), is_excluded(cell)) for cell in cells]
    above = frozenset[str]().union(*(found.binds for found, _ in names))
    # What stands in hidden cells only is no part of what the model is told.
    seen = frozenset[str]().union(*(found.reads | found.binds for found, is_hidden in names if not is_hidden))
    read = names_of(metric.function).reads | (names_of(metric.once).reads if metric.once else frozenset())
    read = _read_through(read, [piece.names for cell in cells for piece in pieces_of(plain_python(cell.source)[0])])
    return sorted((mentioned & above & seen) - read - names_of("\n".join(piece.text for piece in seed)).reads)


def _read_through(read: frozenset[str], above: Sequence[Names]) -> frozenset[str]:
    """Return these names and all that they are made of: a helper reads the answers, a frame holds those cut from it."""
    found, waiting = set(read), set(read)
    while waiting:
        name = waiting.pop()
        new = set[str]().union(*(piece.reads for piece in above if name in piece.binds)) - found
        found |= new
        waiting |= new
    return frozenset(found)


def _with_goal(metric: EraMetric, goal: str) -> str:
    """Return the metric's source and the overview as its documentation, from where the model gets it."""
    if not goal.strip():
        return metric.function
    text = goal.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'{metric.function}\n\n{metric.name}.__doc__ = """\n{text}\n"""\n'


def _cells_below(era: EraNotebook, metric: EraMetric) -> list[Any]:
    """Return the cells below, without what is done above already."""
    rest = {id(below.cell): below.rest for below in metric.below}
    cells = []
    for cell in era.after:
        source = rest.get(id(cell), cell.source)
        if source.strip() or not cell.source.strip():
            copy = deepcopy(cell)
            copy.source = source
            cells.append(copy)
    return cells


def _code(source: str) -> Any:
    from nbformat.v4 import new_code_cell

    return new_code_cell(source.rstrip("\n"), metadata={"tags": [TAG]})  # type: ignore[no-untyped-call]


def _clean(cell: Any) -> Any:
    """Return the cell without outputs, with an id."""
    copy = deepcopy(cell)
    for field in ("outputs", "execution_count"):  # old files have them in Markdown too
        copy.pop(field, None)
    if copy.cell_type == "code":
        copy.outputs, copy.execution_count = [], None
    if "id" not in copy:
        copy.id = uuid.uuid4().hex[:8]
    return copy
