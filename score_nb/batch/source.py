"""Cells as pieces of source text: notebook syntax taken out, statements told apart, stubs made whole, text indented."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from score_nb.cell.names import Names, names_of

STUB = "raise NotImplementedError('to be written')"
_MAGIC = re.compile(r"^\s*(?:%(?!=)|!(?!=)|\?\w|[\w.]+\?{1,2}\s*$)")
# What a magic or a shell line gives is known to IPython alone.
_GIVEN = re.compile(r"^(?P<names>\s*[A-Za-z_][\w, ]*=\s*)(?:!|%{1,2})(?![=\s])\S.*$", re.MULTILINE)
_CELL_MAGIC = re.compile(r"^%%(\w+)[^\n]*\n?")
# Cell magics whose cell is Python all the same.
_AROUND_PYTHON = frozenset({"time", "timeit", "capture", "prun", "python", "python3"})
_EXPECTED = re.compile(r"after .+ on line (\d+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Statements that cannot be told apart by lines (nearly always one), with the comments above them."""

    text: str
    statements: tuple[ast.stmt, ...]

    @property
    def names(self) -> Names:
        """What the piece reads and binds."""
        return names_of(self.text)

    @property
    def is_import(self) -> bool:
        """Whether the piece does nothing but import."""
        return all(isinstance(statement, (ast.Import, ast.ImportFrom)) for statement in self.statements)

    @property
    def is_definition(self) -> bool:
        """Whether the piece does nothing but define functions and classes, or import."""
        kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return all(isinstance(statement, kinds) for statement in self.statements)

    @property
    def is_assignment(self) -> bool:
        """Whether the piece does nothing but give values to plain names."""
        return all(map(_gives_names, self.statements))


def plain_python(source: str) -> tuple[str, list[str]]:
    """Return the cell without magics and shell lines, and those lines; a cell of another language is all magic."""
    around = _CELL_MAGIC.match(source.lstrip())
    if around is not None:
        if around[1] not in _AROUND_PYTHON:
            return "", [source]
        source = source.lstrip()[around.end() :]
    try:
        ast.parse(source)
    except SyntaxError:
        source = _GIVEN.sub(r"\g<names>None", source)
        lines = source.splitlines()
        magic = [line.strip() for line in lines if _MAGIC.match(line)]
        kept = [re.sub(r"\S.*", "pass", line) if _MAGIC.match(line) and line[:1].isspace() else line for line in lines]
        return "\n".join(line for line in kept if not _MAGIC.match(line)), magic
    return source, []


def pieces_of(source: str) -> list[Piece]:
    """Return the statements of a cell one by one.

    Raises
    ------
    SyntaxError
        The cell is no plain Python.
    """
    lines = source.splitlines()
    groups: list[list[ast.stmt]] = []
    for statement in ast.parse(source).body:
        if groups and _first_line(statement) <= (groups[-1][-1].end_lineno or 0):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    pieces, done = [], 0
    for group in groups:
        end = group[-1].end_lineno or len(lines)
        pieces.append(Piece("\n".join(lines[done:end]).rstrip("\n"), tuple(group)))
        done = end
    return pieces


def whole(source: str) -> tuple[str, bool]:
    """Return the cell with bodies that are missing (a comment alone) filled in, and whether it is a stub.

    A stub is a cell in which a function has no body yet: nothing, `pass`, `...`, `return`, `raise NotImplementedError`.

    Raises
    ------
    SyntaxError
        More is wrong with it.
    """
    lines = source.splitlines()
    for _ in range(20):
        try:
            tree = ast.parse("\n".join(lines))
        except IndentationError as error:
            found = _EXPECTED.search(error.msg)
            if found is None:
                raise
            lines = _with_body(lines, int(found[1]), error)
        else:
            functions = (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
            return "\n".join(lines), any(_is_stub(function) for function in functions)
    raise SyntaxError("too many functions without a body")


def indented(text: str, prefix: str = "    ") -> str:
    """Return the text moved to the right; what stands inside texts of several lines stays as it is."""
    tree = ast.parse(text)
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and isinstance(getattr(node, "value", ""), (str, bytes)):
            inside.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    lines = text.splitlines()
    moved = "\n".join(
        line if number in inside or not line.strip() else prefix + line for number, line in enumerate(lines, 1)
    )
    if _same(f"if 1:\n{moved}", tree):
        return moved
    return textwrap.indent(ast.unparse(tree), prefix)


def names_called(tree: Iterable[ast.AST]) -> set[str]:
    """Return the plain names that are called anywhere in these statements."""
    calls = (node for part in tree for node in ast.walk(part) if isinstance(node, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def _same(text: str, tree: ast.Module) -> bool:
    try:
        block = ast.parse(text).body[0]
    except SyntaxError:
        return False
    return isinstance(block, ast.If) and [ast.dump(s) for s in block.body] == [ast.dump(s) for s in tree.body]


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _gives_names(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None and isinstance(statement.target, ast.Name)
    if not isinstance(statement, ast.Assign):
        return False
    targets = [part for target in statement.targets for part in _parts(target)]
    return all(isinstance(target, ast.Name) for target in targets)


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for element in target.elts for part in _parts(element)]
    return [target.value] if isinstance(target, ast.Starred) else [target]


def _with_body(lines: list[str], header: int, error: IndentationError) -> list[str]:
    """Return the lines with a body for the block that begins on line `header`, below its comments."""
    indent = re.match(r"\s*", lines[header - 1])[0]  # type: ignore[index]  # matches always
    place = min(error.lineno or len(lines) + 1, len(lines) + 1) - 1
    if place < len(lines) and (place < header or not lines[place].strip() or lines[place].lstrip().startswith("#")):
        place = len(lines)
    return [*lines[:place], f"{indent}  {STUB}", *lines[place:]]


def _is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return all(map(_does_nothing, body))


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Return(value=None) | ast.Return(value=ast.Constant(value=None)):
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False
