"""How a cell was found, for a paper: a paragraph on the method, the values on its way, and the changes one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import pairwise

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view.words import bill, clock, failure_count, measured, models, noise_words, number, origin, signed

POLICIES = {
    "puct": "flat PUCT over all candidates (Aygün et al. 2026, doi:10.1038/s41586-026-10658-6), c = {c}",
    "greedy": "always from the best candidate",
    "best-of-n": "always from the seed",
}
OPERATORS = {
    "learnt": "Which operator changed a candidate was learnt during the run",
    "fixed": "Operators were drawn in fixed shares",
    "plain": "Candidates were only improved, or debugged where they failed",
}
_IDEA = 60


def methods(record: Record, node: Node) -> str:
    """Return a paragraph that says how `node` was found, with every figure that a reader needs to judge it."""
    options = record.options
    version = record.versions.get("score-nb", "")
    policy = str(options.get("policy") or "puct")
    how = POLICIES.get(policy, f"by the policy {policy}").format(c=f"{float(options.get('c_puct') or 1.0):g}")
    better = "higher" if record.direction == "maximize" else "lower"
    repeated = sum(each.duplicate_of is not None for each in record.nodes)
    said = [
        f"The cell was found by score-nb{f' {version}' if version else ''} in a search over programs for the metric "
        f"{record.task.metric} ({better} is better): {how}.",
        f"{OPERATORS.get(str(options.get('operators') or 'learnt'), 'Operators were chosen by name')}.",
        f"Beside the seed, {models(record) or 'the user'} wrote {max(0, len(record.nodes) - 1):,} candidates, of which "
        f"{failure_count(record)} failed and {repeated} repeated an earlier program.",
        f"{_evaluated(record)}.",
        f"The search took {clock(record.elapsed)}{f' and {bill(record)}' if bill(record) else ''}.",
        f"{_found(record, node)}.",
    ]
    return " ".join(said)


def _evaluated(record: Record) -> str:
    said = "Each ran in a process of its own, without sight of what only the metric reads"
    if record.timeout and record.memory:
        said += f", within {record.timeout:g} s and {record.memory:,} MiB"
    repeats = record.options.get("repeats")
    if isinstance(repeats, int) and repeats > 1:
        said += f"; would-be bests were evaluated {repeats} times on fresh random seeds, and their mean counts"
    return said


def _found(record: Record, node: Node) -> str:
    seed = record.seed
    said = f"Candidate {node.index} reached {measured(node)}"
    if seed is not None and seed.value is not None and node.index:
        said += f", the seed {measured(seed)}"
    if node.holdout is not None:
        said += f"; on the hold-out, which the search never saw, {number(node.holdout)}"
        if seed is not None and seed.holdout is not None and node.index:
            said += f" against {number(seed.holdout)}"
    noise = noise_words(record, node)
    return f"{said}; by its spread it {noise}" if noise else said


def score_table(record: Record, node: Node) -> str:
    """Return the values on the way from the seed to `node` as a Markdown table."""
    rows = ["| candidate | by | value | change | hold-out | tokens | idea |", "|---|---|---|---|---|---|---|"]
    for step in lineage(record, node):
        each = step.node
        idea = " ".join((each.idea or each.hint).split())
        idea = f"{idea[:_IDEA]}…" if len(idea) > _IDEA else idea
        cells = (
            f"{each.index}: {origin(each)}", each.model or "the user", measured(each), step.change,
            number(each.holdout), f"{each.tokens:,}" if each.tokens else "", idea,
        )  # fmt: skip
        rows.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(rows)


@dataclass(frozen=True, slots=True)
class Step:
    """One candidate on the way: how its value differs from its parent's, and how its source does; "" for the seed."""

    node: Node
    change: str
    diff: str

    @property
    def title(self) -> str:
        """What was done and what came of it, in one line."""
        change = f" ({self.change})" if self.change else ""
        return f"{self.node.index}: {origin(self.node)}, {number(self.node.value)}{change}"


def lineage(record: Record, node: Node) -> Iterator[Step]:
    """Yield the steps from the seed to `node` along first parents."""
    path = record.lineage(node.index)
    yield Step(path[0], "", "")
    for parent, child in pairwise(path):
        both = parent.value is not None and child.value is not None
        change = signed(child.value - parent.value) if both else ""  # type: ignore[operator]
        diff = unified_diff(
            parent.source.splitlines(), child.source.splitlines(), f"candidate {parent.index}",
            f"candidate {child.index}", lineterm="",
        )  # fmt: skip
        yield Step(child, change, "\n".join(diff))
