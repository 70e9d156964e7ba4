"""What stands in ERA's mutable cell and is not the candidate's to do: scoring, and writing files for cells below."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from score_nb.batch.era import best_line
from score_nb.batch.source import Piece, names_called

_WRITERS = frozenset({"save", "savez", "savez_compressed", "savetxt", "dump", "tofile", "write_text", "write_bytes"})


def scoring_in(seed: Sequence[Piece], inert: AbstractSet[str]) -> list[Piece]:
    """Return the pieces of the mutable cell that print the score, and those that only serve to compute it.

    Gone back from the printed line as far as the first that reads something from outside the cell: there the score is
    computed from what the cell makes and what the notebook knows.  `inert` are modules and functions from above, which
    are no data.
    """
    moved = {n for n, piece in enumerate(seed) if any(map(best_line, piece.statements))}
    printing = _binds(seed[n] for n in moved if seed[n].is_definition)
    moved |= {n for n, piece in enumerate(seed) if names_called(piece.statements) & printing}
    known = _binds(seed) | inert
    waiting = sorted(moved)
    while waiting:
        read = seed[waiting.pop()].names.reads
        if read - known:
            continue
        for n, piece in enumerate(seed):
            if n not in moved and piece.is_assignment and piece.names.binds <= read and _serves_only(seed, n, moved):
                moved.add(n)
                waiting.append(n)
    left = _binds(piece for n, piece in enumerate(seed) if n not in moved)
    # A number that depends on nothing in the cell is no score of it.
    return [seed[n] for n in sorted(moved)] if any(seed[n].names.reads & left for n in moved) else []


def writing_in(seed: Sequence[Piece]) -> list[Piece]:
    """Return the pieces of the mutable cell that do nothing but write a file."""
    return [piece for piece in seed if all(map(_writes, piece.statements))]


def files_named(*statements: ast.AST) -> set[str]:
    """Return the texts that look like files, and the constants, that a piece of code names."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    constants = {node.id for node in nodes if isinstance(node, ast.Name) and node.id.isupper()}
    return {text for text in texts if "." in text and "\n" not in text} | constants


def _serves_only(seed: Sequence[Piece], number: int, moved: set[int]) -> bool:
    """Return whether nobody else in the cell reads what a piece gives a value to."""
    binds = seed[number].names.binds
    return not any(piece.names.reads & binds for n, piece in enumerate(seed) if n not in moved and n != number)


def _writes(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name in _WRITERS or name.startswith("to_")
        case ast.With(items=[ast.withitem(context_expr=ast.Call(func=ast.Name(id="open"), args=[_, mode, *_]))]):
            return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and mode.value[:1] in ("w", "x")
    return False


def _binds(pieces: Iterable[Piece]) -> set[str]:
    return set().union(*(piece.names.binds for piece in pieces))
