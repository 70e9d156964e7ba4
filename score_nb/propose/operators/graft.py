"""Parts of another candidate put into this one: an estimator, a definition, a few changed lines."""

from __future__ import annotations

import ast
import difflib
from functools import partial
from random import Random

from score_nb.propose.code import defined_names
from score_nb.propose.operators.edits import Built, Cell, Change, Edit, Import
from score_nb.propose.operators.estimators import ensemble_style, gives_proba, joined, shortened
from score_nb.propose.operators.sites import Move, Site, called_name, is_in_pipeline, joiner, sites

_MOST_HELPERS = 4


def graft_moves(cell: Cell, partner: Cell, metric_source: str = "") -> list[Move]:
    """Return moves that bring parts of `partner` into `cell`; small parts first, whole ensembles seldom."""
    moves: list[Move] = []
    theirs = [site for site in sites(partner, metric_source) if site.entry is not None]
    for mine in sites(cell, metric_source):
        for other in theirs:
            if mine.kind != other.kind or "fixed" in mine.needs or partner.text(other.outer) == cell.text(mine.outer):
                continue
            moves.append(Move("part", partial(_estimator, cell, mine, partner, other)))
            if mine.is_model and joiner(cell, mine.outer) is None and mine.needs <= {"proba"}:
                moves.append(Move("join", partial(_both, cell, mine, partner, other)))
    moves.extend(Move("part", partial(_definition, cell, partner, name)) for name in _differing(cell, partner))
    moves.append(Move("lines", partial(_lines, cell, partner)))
    return moves


def _estimator(cell: Cell, mine: Site, partner: Cell, other: Site, rng: Random) -> Change:
    inner = other.outer is not other.call and rng.random() < 0.4
    taken = other.call if inner else other.outer
    around = joiner(cell, mine.call)
    replaced = mine.call if inner or (around is not None and rng.random() < 0.5) else mine.outer
    if replaced is mine.call and around is not None and is_in_pipeline(cell, mine.call) and not inner:
        replaced = around  # a pipeline takes the place of a pipeline, not of its last step
    text = partner.text(taken)
    detail = f"{called_name(replaced)} -> {shortened(text)} from the other parent"
    return Change((cell.replace(replaced, text),), detail, imports_used(partner, taken))


def _both(cell: Cell, mine: Site, partner: Cell, other: Site, rng: Random) -> Change | None:
    text = partner.text(other.outer)
    if "Voting" in text + cell.text(mine.outer) or "Stacking" in text + cell.text(mine.outer):
        return None  # ensembles of ensembles only grow
    style = ensemble_style(mine.kind, rng, is_soft=gives_proba(cell, mine) and gives_proba(partner, other))
    if "proba" in mine.needs and not style.is_soft and style.name == "Voting":
        return None
    return joined(cell, mine, Built(text, imports_used(partner, other.outer)), style)


def imports_used(cell: Cell, node: ast.AST) -> tuple[Import, ...]:
    """Return the cell's own imports that the code under `node` needs."""
    used = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    found = []
    for statement in ast.walk(cell.tree):
        if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            for alias in statement.names:
                text = f"from {statement.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                found.append(Import(alias.asname or alias.name, text))
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                text = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                found.append(Import(alias.asname or alias.name.partition(".")[0], text))
    return tuple(wanted for wanted in found if wanted.name in used)


def all_imports(*cells: Cell) -> tuple[Import, ...]:
    """Return the imports of the cells, which a mixture of their lines may need."""
    return tuple(wanted for cell in cells for wanted in imports_used(cell, cell.tree))


# --- definitions ----------------------------------------------------------------------------------------------------


def _differing(cell: Cell, partner: Cell) -> list[str]:
    """Return names that one statement of each cell defines, differently."""
    mine, theirs = _definitions(cell), _definitions(partner)
    return [name for name in mine if name in theirs and ast.dump(mine[name]) != ast.dump(theirs[name])]


def _definitions(cell: Cell) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    twice = set()
    for statement in cell.tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        for name in defined_names(ast.Module([statement], [])):
            if name in found:
                twice.add(name)
            found[name] = statement
    return {name: statement for name, statement in found.items() if name not in twice}


def _definition(cell: Cell, partner: Cell, name: str, _rng: Random) -> Change | None:
    """Take the partner's statement that defines `name`, with the helpers that it needs and this cell has not."""
    mine, theirs = _definitions(cell)[name], _definitions(partner)[name]
    helpers = _helpers(cell, partner, theirs)
    if helpers is None:
        return None
    lines = "\n".join(partner.text(statement) for statement in [*helpers, theirs])
    imports = tuple(wanted for statement in [*helpers, theirs] for wanted in imports_used(partner, statement))
    start, end = cell.line_start(mine), cell.span(mine)[1]
    return Change((Edit(start, end, lines),), f"{name} from the other parent", imports)


def _helpers(cell: Cell, partner: Cell, wanted: ast.stmt) -> list[ast.stmt] | None:
    """Return the partner's statements that `wanted` builds on and `cell` lacks, None where they are too many."""
    theirs = _definitions(partner)
    found: list[ast.stmt] = []
    pending = [wanted]
    while pending:
        statement = pending.pop()
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in theirs and node.id not in cell.bound:
                helper = theirs[node.id]
                if helper is not wanted and helper not in found:
                    found.append(helper)
                    pending.append(helper)
    if len(found) > _MOST_HELPERS:
        return None
    return sorted(found, key=lambda statement: statement.lineno)


# --- lines ----------------------------------------------------------------------------------------------------------


def _lines(cell: Cell, partner: Cell, rng: Random) -> Change | None:
    """Take some of the places where the two cells' lines differ from the partner."""
    hunks = differing_lines(cell.source, partner.source)
    if len(hunks) < 2:
        return None
    chosen = rng.sample(hunks, rng.randint(1, len(hunks) - 1))
    return hunks_taken(cell, partner, chosen, "from the other parent")


Hunk = tuple[int, int, int, int]


def differing_lines(mine: str, theirs: str) -> list[Hunk]:
    """Return where the lines differ: rows from, to (exclusive) in `mine`, then in `theirs`."""
    matcher = difflib.SequenceMatcher(None, mine.splitlines(), theirs.splitlines(), autojunk=False)
    return [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def hunks_taken(cell: Cell, theirs: Cell, hunks: list[Hunk], origin: str) -> Change:
    """Return the change that puts those lines of `theirs` in the place of the cell's own."""
    rows = cell.source.splitlines(keepends=True)
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row.encode("utf-8")))
    other = theirs.source.splitlines()
    edits = []
    for a, b, c, d in hunks:
        text = "".join(f"{line}\n" for line in other[c:d])
        glue = "\n" if a == len(rows) and rows and not rows[-1].endswith("\n") else ""
        edits.append(Edit(starts[a], starts[b], glue + text))
    count = sum(max(b - a, d - c) for a, b, c, d in hunks)
    shown = next((other[c].strip() for _, _, c, d in hunks if d > c), "lines dropped")
    return Change(
        tuple(edits), f"{count} line{'s' if count != 1 else ''} {origin}: {shortened(shown)}", all_imports(cell, theirs)
    )
