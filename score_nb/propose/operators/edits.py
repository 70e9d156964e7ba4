"""A cell's source with its syntax tree, and small edits by source span: comments and layout outlive a change."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from score_nb.types import parse


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` of a source, in UTF-8, replaced by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Import:
    """A statement that binds `name`, such as "from sklearn.svm import SVC"; put into a cell only where it is needed."""

    name: str
    statement: str


NUMPY = Import("np", "import numpy as np")


@dataclass(frozen=True, slots=True)
class Built:
    """An expression as text, with the imports that it needs."""

    text: str
    imports: tuple[Import, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that belong together; `detail` says in one line what they do, `imports` binds names that they may use."""

    edits: tuple[Edit, ...]
    detail: str
    imports: tuple[Import, ...] = field(default=())


class Cell:
    """Source that parses, with spans and parents of its nodes.

    Raises
    ------
    SyntaxError, ValueError
        The source does not parse.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.tree = parse(source)
        self._data = source.encode("utf-8")
        self._starts = [0]
        for line in self._data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node's parent."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def names(self) -> frozenset[str]:
        """All names that the cell reads or writes anywhere."""
        return frozenset(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))

    @cached_property
    def attributes(self) -> frozenset[str]:
        """All attributes that the cell uses anywhere."""
        return frozenset(node.attr for node in ast.walk(self.tree) if isinstance(node, ast.Attribute))

    @cached_property
    def bound(self) -> frozenset[str]:
        """Names bound by imports, definitions and assignments at top level."""
        from score_nb.propose.code import defined_names

        return frozenset(defined_names(self.tree))

    @cached_property
    def calls(self) -> list[ast.Call]:
        """All calls, in the order of the source."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset, -(node.end_col_offset or 0)))

    def span(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> tuple[int, int]:
        """Return the node's first byte and the byte after its last."""
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """Return the node's own source."""
        start, end = self.span(node)
        return self._data[start:end].decode("utf-8")

    def line_start(self, node: ast.stmt) -> int:
        """Return the first byte of the line on which the statement starts."""
        return self._starts[first_line(node) - 1]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the node's parent, its parent, and so on."""
        while (above := self.parents.get(node)) is not None:
            yield above
            node = above

    def replace(self, node: ast.expr | ast.stmt | ast.keyword, text: str) -> Edit:
        """Return the edit that puts `text` in the node's place."""
        return Edit(*self.span(node), text)

    def insert_before(self, node: ast.stmt, line: str) -> Edit:
        """Return the edit that puts a line before a statement, equally indented."""
        start = self.line_start(node)
        return Edit(start, start, f"{' ' * node.col_offset}{line}\n")

    def insert_after(self, node: ast.stmt, line: str) -> Edit:
        """Return the edit that puts a line after a statement, equally indented."""
        end = self.span(node)[1]
        stop = self._data.find(b"\n", end)
        stop = len(self._data) if stop < 0 else stop
        return Edit(stop, stop, f"\n{' ' * node.col_offset}{line}")

    def insert_item(self, node: ast.expr, text: str) -> Edit:
        """Return the edit that puts an item before another one, on a line of its own where that one has its own."""
        start = self.span(node)[0]
        before = self._data[self._starts[node.lineno - 1] : start].decode("utf-8")
        return Edit(start, start, f"{text}, " if before.strip() else f"{text},\n{before}")

    def with_argument(self, call: ast.Call, text: str) -> Edit:
        """Return the edit that adds an argument at the end of a call."""
        end = self.span(call)[1] - 1
        inside = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not inside:
            return Edit(end, end, text)
        last = max(self.span(node)[1] for node in inside)
        trailing = self._data[last:end]
        comma = b"," in trailing and b"#" not in trailing
        return Edit(last, end if comma else last, f", {text}")

    def without_item(self, node: ast.expr, siblings: Sequence[ast.expr]) -> Edit:
        """Return the edit that takes one item out of a list of arguments or elements, with its comma."""
        index = list(siblings).index(node)
        if index + 1 < len(siblings):
            return Edit(self.span(node)[0], self.span(siblings[index + 1])[0], "")
        return Edit(self.span(siblings[index - 1])[1], self.span(node)[1], "")

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the source after the edits, which must not overlap.

        Raises
        ------
        ValueError
            Two edits overlap.
        """
        data, right = self._data, len(self._data) + 1
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
            if edit.end > right:
                raise ValueError("edits overlap")
            data = data[: edit.start] + edit.text.encode("utf-8") + data[edit.end :]
            right = edit.start
        return data.decode("utf-8")


def first_line(node: ast.stmt) -> int:
    """Return the line on which a statement starts, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(int(decorator.lineno) for decorator in decorators)])


def carried_out(cell: Cell, change: Change, known: Iterable[str] = ()) -> str:
    """Return the cell's source after `change`, with the imports that it needs and without those it left unused.

    `known` are names that the notebook gives, which need no import.
    """
    after = Cell(cell.edited(change.edits))
    missing = after.names - after.bound - set(known)
    needed = {wanted.name: wanted for wanted in change.imports if wanted.name in missing}
    return without_orphans(Cell(with_imports(after, needed.values())), cell)


def with_imports(cell: Cell, imports: Iterable[Import]) -> str:
    """Return the cell's source with `imports` after its own imports, or at its top."""
    imports = list(imports)
    if not imports:
        return cell.source
    lines = "\n".join(sorted(wanted.statement for wanted in imports))
    head = [node for node in cell.tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    leading = []
    for node in cell.tree.body:
        if node not in head:
            break
        leading.append(node)
    if leading:
        return cell.edited([cell.insert_after(leading[-1], lines)])
    if cell.tree.body and ast.get_docstring(cell.tree, clean=False) is not None:
        return cell.edited([cell.insert_after(cell.tree.body[0], lines)])
    return f"{lines}\n\n{cell.source}"


def without_orphans(cell: Cell, before: Cell) -> str:
    """Return the cell's source without imported names that `before` used and `cell` does not use any more."""
    edits = []
    for node in cell.tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        kept = [
            alias
            for alias in node.names
            if (alias.asname or alias.name) in cell.names or (alias.asname or alias.name) not in before.names
        ]
        if len(kept) == len(node.names):
            continue
        if kept:
            edits.append(cell.replace(node, ast.unparse(ast.ImportFrom(node.module, kept, node.level))))
        else:
            start, end = cell.span(node)
            newline = cell.source.encode()[end : end + 1] == b"\n"
            edits.append(Edit(start, end + newline, ""))
    return cell.edited(edits)
