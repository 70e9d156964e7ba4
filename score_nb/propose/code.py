"""What a cell's syntax tree says: names it defines, modules it imports, and what keeps it from being a candidate."""

from __future__ import annotations

import ast
import builtins
import difflib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache

from score_nb.propose.replies import syntax_problem
from score_nb.types import parse


def defined_names(tree: ast.Module) -> set[str]:
    """Return the names that running the module binds at its top level; "*" among them for a star import."""
    return set(_bound(tree.body))


def _bound(body: Iterable[ast.AST]) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            yield from (n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                yield node.id
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
            yield from _bound(ast.iter_child_nodes(node))
        else:
            yield from _bound(ast.iter_child_nodes(node))


def missing_outputs(source: str, outputs: Iterable[str]) -> list[str]:
    """Return the outputs that `source` does not define."""
    defined = defined_names(parse(source))
    return [] if "*" in defined else [name for name in outputs if name not in defined]


def unbound_names(tree: ast.Module) -> set[str]:
    """Return the names that are read and nowhere bound: inputs from the notebook, or mistakes."""
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = defined_names(tree) | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound |= {node.name, *_bound(node.body)}
        elif isinstance(node, ast.comprehension):
            bound |= set(_bound([node.target]))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return set() if "*" in bound else read - bound - set(dir(builtins))


def imported_modules(tree: ast.AST) -> list[str]:
    """Return the top-level modules that are imported for certain, sorted.

    Imports inside `try` are the program's own business: it may know what to do without them.
    """
    found: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        if isinstance(node, ast.Try):
            pending.extend([*node.orelse, *node.finalbody])
        else:
            pending.extend(ast.iter_child_nodes(node))
    return sorted(found)


def missing_modules(source: str) -> list[str]:
    """Return the modules that `source` imports and that are not installed here."""
    return [name for name in imported_modules(parse(source)) if not is_installed(name)]


def is_installed(module: str) -> bool:
    """Return whether the top-level `module` can be imported here (nothing is imported)."""
    if module in sys.modules or module in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def nearest_module(module: str) -> str:
    """Return the installed module that `module` most probably means, "" where none is near."""
    by_distribution = _modules_by_distribution()
    wanted = module.lower().replace("_", "-")
    if wanted in by_distribution:
        return by_distribution[wanted]
    known = sorted({*by_distribution.values(), *sys.stdlib_module_names})
    near = difflib.get_close_matches(module, [name for name in known if not name.startswith("_")], n=1, cutoff=0.6)
    return near[0] if near else ""


@lru_cache(maxsize=1)
def _modules_by_distribution() -> dict[str, str]:
    """Return the module of each installed distribution; of several the one most like the distribution by name."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        modules = [m for m in _top_modules(distribution) if m.isidentifier() and not m.startswith("_")]
        if modules:
            found[name] = max(sorted(modules), key=lambda m: difflib.SequenceMatcher(None, m.lower(), name).ratio())
    return found


def _top_modules(distribution: importlib.metadata.Distribution) -> set[str]:
    # `packages_distributions` of Python 3.10 knows only those that ship top_level.txt.
    declared = (distribution.read_text("top_level.txt") or "").split()
    return set(declared) or {
        file.parts[0] if len(file.parts) > 1 else file.stem
        for file in distribution.files or ()
        if file.suffix == ".py" and ".." not in file.parts
    }


def problem_with(source: str, outputs: Iterable[str]) -> str:
    """Return one line saying why `source` cannot be a candidate, "" where it can.

    Checked: syntax, names that must be defined, modules that are not installed (with the nearest installed one).
    """
    problem = syntax_problem(source)
    if problem:
        return problem
    missing = missing_outputs(source, outputs)
    if missing:
        return f"the cell does not define {_listed(missing)}"
    absent = missing_modules(source)
    if absent:
        return "; ".join(_absence(module) for module in absent)
    return ""


def _absence(module: str) -> str:
    near = nearest_module(module)
    return f"the module {module} is not installed here" + (f" (the nearest installed one is {near})" if near else "")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
