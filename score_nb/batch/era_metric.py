"""The cells below ERA's mutable cell turned into a metric: what does not depend on it is done once, the rest per
candidate, in a function that returns the printed score."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from score_nb.batch.era import EraNotebook, ScoreLine, best_line, is_excluded
from score_nb.batch.era_seed import files_named
from score_nb.batch.source import Piece, indented, names_called, pieces_of, plain_python
from score_nb.cell.names import names_of
from score_nb.errors import ScoreError

METRIC = "validation_metric"


@dataclass(frozen=True, slots=True)
class Below:
    """A code cell below the mutable one, in pieces; `done` are the numbers of those that are done above it."""

    cell: Any
    pieces: tuple[Piece, ...]
    magics: tuple[str, ...] = ()
    done: set[int] = field(default_factory=set)

    @property
    def rest(self) -> str:
        """The text of what still has to run where the cell stands."""
        if not self.done:
            return str(self.cell.source)
        kept = [piece.text for number, piece in enumerate(self.pieces) if number not in self.done]
        return "\n".join([*self.magics, *kept]).strip("\n") if kept else ""


@dataclass(frozen=True, slots=True)
class EraMetric:
    """How candidates are scored.

    Attributes
    ----------
    name : str
        Name of the metric function, free in this notebook.
    line : ScoreLine
        The printed line.
    once : str
        What is done once, above the mutable cell; "" for nothing.
    function : str
        Source of the metric function.
    below : tuple of Below
        The code cells below, without what is done once.
    is_hidden : bool
        Whether the cells that score are kept from the model.
    """

    name: str
    line: ScoreLine
    once: str
    function: str
    below: tuple[Below, ...]
    is_hidden: bool


def metric_of(notebook: EraNotebook, seed: Sequence[Piece], files: AbstractSet[str] = frozenset()) -> EraMetric:
    """Return the metric that the cells below the mutable cell amount to.

    `files` name what these cells write and read back: it depends on the candidate, though no name says so.

    Raises
    ------
    ScoreError
        No score is printed below, or the score does not depend on the mutable cell; what stands in the way is named.
    """
    above = [piece for cell in notebook.before for piece in _pieces(cell)]
    below = [Below(cell, tuple(_pieces(cell)), _magics(cell)) for cell in notebook.after if cell.cell_type == "code"]
    line, last = _score_line(above, below, seed)
    parts = _Parts(above, seed, files)
    cells, body = [], []
    for number, cell in enumerate(below[: last[0] + 1]):
        for place, piece in enumerate(cell.pieces[: last[1] + 1] if number == last[0] else cell.pieces):
            if (number, place) != last and parts.can_be_done_once(piece):
                cell.done.add(place)
                parts.do_once(piece)
            else:
                parts.keep(piece)
                body.append(piece)
                cells.append(cell.cell)
    if not parts.reaches(body):
        raise ScoreError(
            f"the printed score {line.label!r} does not depend on anything that the mutable cell defines "
            f"({', '.join(sorted(parts.made)) or 'nothing'}): let the cells below it use a function or a value of it"
        )
    name = _free_name(notebook, METRIC)
    once = "\n".join([*parts.imports_needed(), *(piece.text for piece in parts.once)]).strip("\n")
    function = _function(name, _free_name(notebook, "printed"), line, body, parts)
    return EraMetric(name, line, once, function, tuple(below), any(map(is_excluded, cells)))


def is_scored_below(notebook: EraNotebook) -> bool:
    """Return whether a cell below the mutable one prints a score, or calls what prints one above."""
    above = [piece for cell in notebook.before for piece in _pieces(cell)]
    below = [Below(cell, tuple(_pieces(cell))) for cell in notebook.after if cell.cell_type == "code"]
    return _likeliest(above, below) is not None


def is_python(cell: Any) -> bool:
    """Return whether a cell is code that Python can read."""
    try:
        return bool(_pieces(cell))
    except ScoreError:
        return False


def inert_above(notebook: EraNotebook) -> set[str]:
    """Return the names of the modules, functions and classes that the cells above define."""
    return _binds(piece for cell in notebook.before for piece in _pieces(cell) if piece.is_definition)


class _Parts:
    """Follows which names depend on the mutable cell while the pieces below it are gone through in their order."""

    def __init__(self, above: Sequence[Piece], seed: Sequence[Piece], files: AbstractSet[str]) -> None:
        self._files = files
        imports = [piece for piece in seed if piece.is_import]
        imported = _binds(imports)
        self._imports = [piece for piece in imports if piece.names.binds - _binds(above)]
        self.made = _binds(seed) - imported
        self._reads_of_seed = _reads(seed)
        self.known = _binds(above) | imported
        self.inert = _binds(piece for piece in above if piece.is_definition) | imported
        self.tainted = set(self.made)
        self.once: list[Piece] = []
        self._kept_reads: set[str] = set()
        self._needed: set[str] = set()
        # A function above may call one that the mutable cell defines.
        for piece in above:
            if piece.names.reads & self.tainted:
                self.tainted |= piece.names.binds

    def can_be_done_once(self, piece: Piece) -> bool:
        """Return whether nothing changes if the piece is done before the mutable cell."""
        names = piece.names
        if self._files & files_named(*piece.statements):
            return False
        if names.reads & self.tainted or names.binds & (self.tainted | self._kept_reads):
            return False
        if names.binds & self._reads_of_seed and not piece.is_import:
            return False
        if piece.is_definition:
            return True
        # A value that the mutable cell reads too may be changed by what looks like a plain assignment: x = data.pop().
        return piece.is_assignment and not (names.reads & self._reads_of_seed) - self.inert

    def do_once(self, piece: Piece) -> None:
        self.once.append(piece)
        self.known |= piece.names.binds
        if piece.is_definition:
            self.inert |= piece.names.binds
        self._needed |= piece.names.reads

    def keep(self, piece: Piece) -> None:
        names = piece.names
        self._needed |= names.reads
        self._kept_reads |= names.reads
        self.tainted |= names.binds
        if not _only_shows(piece):
            # It may change what it reads: what comes after it must stay after it.
            self.tainted |= names.reads - self.inert

    def reaches(self, body: Sequence[Piece]) -> bool:
        """Return whether what is kept depends on the mutable cell."""
        reads = _reads(body)
        through = {name for piece in self.once for name in piece.names.binds if piece.names.reads & self.made}
        return bool(reads & (self.made | through)) or bool(reads & self.tainted)

    def imports_needed(self) -> list[str]:
        """Return the imports of the mutable cell that the cells below lean on: a candidate may import other things."""
        needed = self._needed - _binds(self.once)
        found = [piece for piece in self._imports if piece.names.binds & needed]
        return [ast.unparse(statement) for piece in found for statement in piece.statements]


def _function(name: str, printed: str, line: ScoreLine, body: Sequence[Piece], parts: _Parts) -> str:
    reads, binds = _reads(body), _binds(body)
    parameters = sorted(reads & parts.made)
    # Read from the notebook and given a new value: in a function the name would be a local one without a value.
    defaults = sorted((reads & binds & parts.known) - parts.made)
    signature = [*parameters, *(["*"] if defaults else []), *(f"{each}={each}" for each in defaults)]
    text = "\n".join(piece.text for piece in body).strip("\n")
    return (
        "from score_nb.batch.printed import PrintedScore\n\n\n"
        f"def {name}({', '.join(signature)}):\n"
        f"    with PrintedScore({line.label!r}) as {printed}:\n"
        f"{indented(text, ' ' * 8)}\n"
        f"    return {printed}.value\n"
    )


def _score_line(
    above: Sequence[Piece], below: Sequence[Below], seed: Sequence[Piece]
) -> tuple[ScoreLine, tuple[int, int]]:
    """Return the likeliest score line, and cell and piece where it is printed, the last of equals."""
    chosen = _likeliest(above, below)
    if chosen is None and any(best_line(statement) for piece in seed for statement in piece.statements):
        raise ScoreError(
            "the mutable cell prints the score itself, so a candidate could print what it likes: move the lines that "
            "score to a cell below it"
        )
    if chosen is None:
        raise ScoreError(
            "no score is printed below the mutable cell: print it as `Validation Score: x` or "
            "`Candidate metric to be minimized: x`"
        )
    return chosen[0], _where_printed(chosen[1], below)


def _where_printed(place: tuple[int, int], below: Sequence[Below]) -> tuple[int, int]:
    """Return cell and piece where the line that the piece at `place` holds is whole on the screen."""
    piece = below[place[0]].pieces[place[1]]
    rest = [
        (number, at, later)
        for number, cell in enumerate(below[place[0] :], place[0])
        for at, later in enumerate(cell.pieces)
        if (number, at) > place
    ]
    if piece.is_assignment:
        # message = f"Validation Score: {score}", printed later
        shown = ((number, at) for number, at, later in rest if later.names.reads & piece.names.binds)
        return next(shown, place)
    if any(isinstance(node, ast.keyword) and node.arg == "end" for part in piece.statements for node in ast.walk(part)):
        # print("Validation Score: ", end=""), and the number by the next
        shown = ((number, at) for number, at, later in rest if "print" in names_called(later.statements))
        return next(shown, place)
    return place


def _likeliest(above: Sequence[Piece], below: Sequence[Below]) -> tuple[ScoreLine, tuple[int, int]] | None:
    """Return the likeliest score line and where it stands, None where nothing below tells a score."""
    printing = {name: found for piece in above if piece.is_definition for name, found in _printing(piece)}
    chosen: tuple[ScoreLine, tuple[int, int]] | None = None
    for number, cell in enumerate(below):
        for place, piece in enumerate(cell.pieces):
            if piece.is_definition:
                printing.update(_printing(piece))
                continue
            called = [printing[name] for name in names_called(piece.statements) if name in printing]
            lines = [found for found in (*map(best_line, piece.statements), *called) if found is not None]
            line = max(lines, key=lambda found: found.rank, default=None)
            if line is not None and (chosen is None or line.rank >= chosen[0].rank):
                chosen = line, (number, place)
    return chosen


def _printing(piece: Piece) -> Iterator[tuple[str, ScoreLine]]:
    for statement in piece.statements:
        found, name = best_line(statement), getattr(statement, "name", None)
        if found is not None and name is not None:
            yield name, found


def _only_shows(piece: Piece) -> bool:
    """Return whether the piece only prints, or only defines."""
    return piece.is_definition or bool(re.match(r"(?:#[^\n]*\s*)*(?:print|display)\(", piece.text.strip()))


def _pieces(cell: Any) -> list[Piece]:
    if cell.cell_type != "code":
        return []
    try:
        return pieces_of(plain_python(cell.source)[0])
    except SyntaxError as error:
        first = next((line for line in cell.source.splitlines() if line.strip()), "")
        raise ScoreError(f"the cell that begins with {first!r} is no valid Python: {error.msg}") from None


def _magics(cell: Any) -> tuple[str, ...]:
    return tuple(line for line in plain_python(cell.source)[1] if not line.startswith("%%"))


def _binds(pieces: Iterable[Piece]) -> set[str]:
    return set().union(*(piece.names.binds for piece in pieces))


def _reads(pieces: Iterable[Piece]) -> set[str]:
    """Return what the pieces, one after another, read from outside."""
    return set(names_of("\n".join(piece.text for piece in pieces)).reads)


def _free_name(notebook: EraNotebook, wanted: str) -> str:
    text = "\n".join([notebook.seed, *(cell.source for cell in (*notebook.before, *notebook.after))])
    name, number = wanted, 1
    while re.search(rf"\b{name}\b", text):
        number += 1
        name = f"{wanted}_{number}"
    return name
