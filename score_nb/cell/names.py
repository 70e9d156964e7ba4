"""What a cell reads from outside and what it defines, read off its syntax tree."""

from __future__ import annotations

import ast
import copy
import symtable
from collections.abc import Iterable
from dataclasses import dataclass

from score_nb.types import parse

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Names:
    """What a cell needs and leaves behind.

    Attributes
    ----------
    reads : frozenset of str
        Names that may be looked up outside the cell, builtins included: read before they are certainly bound, or
        read in a function and not bound by the cell.
    binds : frozenset of str
        Names that the cell may leave defined at top level.
    stars : tuple of str
        Modules of `from module import *`: they bind names that no reading of the text can tell.
    """

    reads: frozenset[str]
    binds: frozenset[str]
    stars: tuple[str, ...] = ()


def names_of(source: str) -> Names:
    """Return what the cell `source` reads from outside and what it defines at top level.

    Raises
    ------
    SyntaxError
        `source` is not plain Python (IPython's own syntax and `await` at top level included).
    """
    walk = _Walk()
    tree = parse(source)
    compile(source, "<cell>", "exec", dont_inherit=True)  # what only the compiler refuses, `await` at top level for one
    walk.block(tree.body)
    return Names(
        reads=frozenset(walk.reads | (walk.later - walk.bound)),
        binds=frozenset(walk.ever),
        stars=tuple(walk.stars),
    )


class _Walk(ast.NodeVisitor):
    """Follows the statements in the order in which they run.

    `bound` holds what is certainly defined at the current statement, `ever` what may be; `later` what functions read
    when they are called, which is decided at the end.  Loops count as run at least once: a loop over nothing
    would hide no name from its candidate, only fail in the seed as well.
    """

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.ever: set[str] = set()
        self.reads: set[str] = set()
        self.later: set[str] = set()
        self.stars: list[str] = []
        self.inner: list[set[str]] = []

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self.visit(statement)

    def read(self, name: str) -> None:
        if name not in self.bound and not any(name in scope for scope in self.inner):
            self.reads.add(name)

    def bind(self, name: str) -> None:
        self.bound.add(name)
        self.ever.add(name)

    def unbind(self, name: str) -> None:
        self.bound.discard(name)
        self.ever.discard(name)

    # -- names -----------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read(node.id)
        elif isinstance(node.ctx, ast.Del):
            self.read(node.id)
            self.unbind(node.id)
        elif not any(node.id in scope for scope in self.inner):
            self.bind(node.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.bind(node.target.id)  # a walrus binds outside its comprehension

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target.id)
        self.visit(node.value)
        self.visit(node.target)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.stars.append("." * node.level + (node.module or ""))
            else:
                self.bind(alias.asname or alias.name)

    # -- scopes ----------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        signature = node.args
        annotations = [a.annotation for a in ast.walk(signature) if isinstance(a, ast.arg) and a.annotation]
        for part in (*node.decorator_list, *_defaults(signature), *annotations, *filter(None, [node.returns])):
            self.visit(part)
        self._function_body(node)
        self.bind(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in _defaults(node.args):
            self.visit(part)
        self._function_body(node)

    def _function_body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        used = _globals_of(node)
        enclosing = set().union(*self.inner) if self.inner else set()
        self.later |= used.reads - enclosing
        self.ever |= used.binds
        self.stars.extend(used.stars)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        body = _Walk()
        body.block(node.body)
        for name in body.reads:
            self.read(name)
        self.later |= body.later  # methods do not see the names of their class
        self.stars.extend(body.stars)
        self.bind(node.name)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        own: set[str] = set()
        for number, generator in enumerate(node.generators):
            self._in_scope(own if number else set(), generator.iter)  # the first iterable is read outside
            own |= _stored(generator.target)
            self._in_scope(own, generator.target, *generator.ifs)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        self._in_scope(own, *results)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def _in_scope(self, names: set[str], *nodes: ast.expr) -> None:
        self.inner.append(names)
        for node in nodes:
            self.visit(node)
        self.inner.pop()

    # -- branches --------------------------------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches([node.body, node.orelse])

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.visit(node.target)
        self.block(node.body)
        self.block(node.orelse)

    visit_AsyncFor = visit_For

    def visit_Try(self, node: ast.Try) -> None:
        start = set(self.bound)
        self.block(node.body)
        self.block(node.orelse)
        ends = [self.bound]
        for handler in node.handlers:
            self.bound = set(start)
            self.visit(handler)
            if not _leaves(handler.body):
                ends.append(self.bound)
        self.bound = set.intersection(*ends)
        self.block(node.finalbody)

    def visit_TryStar(self, node: ast.Try) -> None:  # type: ignore[override]  # `ast.TryStar` is new in 3.11
        self.visit_Try(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        if node.name:
            self.bind(node.name)
        self.block(node.body)
        if node.name:
            self.unbind(node.name)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            self.visit(case.pattern)
            if case.guard is not None:
                self.visit(case.guard)
        last = node.cases[-1]
        is_complete = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
        self._branches([case.body for case in node.cases] + ([] if is_complete else [[]]))

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.generic_visit(node)
        if node.name:
            self.bind(node.name)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.bind(node.rest)

    def _branches(self, bodies: list[list[ast.stmt]]) -> None:
        """Run each body from the same start; certainly bound afterwards is what all that go on have bound."""
        start = set(self.bound)
        ends = []
        for body in bodies:
            self.bound = set(start)
            self.block(body)
            if not _leaves(body):
                ends.append(self.bound)
        self.bound = set.intersection(*ends) if ends else start


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], _LEAVES)


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]


def _stored(target: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _globals_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Names:
    """Return the globals that the function reads and sets in its body, nested scopes included."""
    bare = copy.copy(node)
    bare.args = _without_defaults(node.args)
    if not isinstance(bare, ast.Lambda):
        bare.decorator_list, bare.returns = [], None
    table = symtable.symtable(ast.unparse(bare), "<cell>", "exec")
    reads: set[str] = set()
    binds: set[str] = set()
    augmented = {n.target.id for n in ast.walk(bare) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    tables = list(table.get_children())
    while tables:
        scope = tables.pop()
        tables.extend(scope.get_children())
        for symbol in scope.get_symbols():
            name = symbol.get_name()
            # To the symbol table `n += 1` is an assignment only.
            if symbol.is_global() and (symbol.is_referenced() or name in augmented):
                reads.add(name)
            if symbol.is_declared_global() and (symbol.is_assigned() or symbol.is_imported()):
                binds.add(name)
    return Names(frozenset(reads), frozenset(binds))


def _without_defaults(arguments: ast.arguments) -> ast.arguments:
    def bare(argument: ast.arg | None) -> ast.arg | None:
        return ast.arg(arg=argument.arg) if argument else None

    return ast.arguments(
        posonlyargs=[ast.arg(arg=a.arg) for a in arguments.posonlyargs],
        args=[ast.arg(arg=a.arg) for a in arguments.args],
        vararg=bare(arguments.vararg),
        kwonlyargs=[ast.arg(arg=a.arg) for a in arguments.kwonlyargs],
        kw_defaults=[None for _ in arguments.kwonlyargs],
        kwarg=bare(arguments.kwarg),
        defaults=[],
    )
