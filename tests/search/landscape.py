"""A landscape whose best cells are known by construction, and a noisy proposer that writes cells for it.

A cell is a chain of stages; each stage uses one of several options and has a dial.  What an option brings depends on
how well its dial is set, and, by the landscape's kind, on the options of other stages:

smooth      on none: single changes lead to the top
rugged      on three others (Kauffman's NK landscapes): most tops are local
families    the first stage is the family of methods: it sets a ceiling to the whole, and half of the other stages want
            other options in another family; a family that is better in the end looks worse before it is polished

The proposer knows nothing of values: it prefers popular options, repeats itself and fails.  Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from types import MappingProxyType

from score_nb import events as ev
from score_nb.propose.base import Request
from score_nb.record import Record
from score_nb.run.requests import request_for
from score_nb.search.planner import Planner
from score_nb.types import Node, Proposal, Status, Task, digest, to_score

STAGES, OPTIONS, FAMILIES = 8, 6, 12
KINDS = ("smooth", "rugged", "families")
DIAL_WEIGHT = 0.35
CHANGED_STAGES = ((1, 2, 3), (0.6, 0.3, 0.1))
_STAGE = re.compile(r"option_(\d+)\(.*?, ([\d.]+)\)")


@dataclass(frozen=True, slots=True)
class Cell:
    """A program: the option (0: naive, 1 to 6) and the dial (0 to 1) of each stage; `fault` above 0 makes it fail."""

    options: tuple[int, ...]
    dials: tuple[float, ...]
    fault: int = 0

    @property
    def source(self) -> str:
        """The cell as Python."""
        lines = [
            f"x = stage_{at}_option_{option}(x, {dial:.2f})"
            for at, (option, dial) in enumerate(zip(self.options, self.dials, strict=True))
        ]
        return "\n".join([*lines, f"check({self.fault})"] if self.fault else lines)


def read(source: str) -> Cell:
    """Return the program that `Cell.source` wrote."""
    found = _STAGE.findall(source)
    fault = re.search(r"check\((\d+)\)", source)
    return Cell(
        tuple(int(option) for option, _ in found), tuple(float(dial) for _, dial in found),
        int(fault[1]) if fault else 0,
    )  # fmt: skip


SEED = Cell((0,) * STAGES, (0.5,) * STAGES)


@dataclass(frozen=True)
class Landscape:
    """Values of cells, drawn by `seed`."""

    kind: str
    seed: int
    _known: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def value(self, source: str) -> float | None:
        """Return the value of a cell in [0, 1], None where it fails."""
        cell = read(source)
        if cell.fault:
            return None
        if self.kind != "families":
            return sum(self._worth(cell, stage) for stage in range(STAGES)) / STAGES
        ceiling = 0.4 + 0.6 * self._draw(f"ceiling {cell.options[0]}") if cell.options[0] else 0.3
        return ceiling * (0.4 + 0.6 * sum(self._worth(cell, stage) for stage in range(1, STAGES)) / (STAGES - 1))

    def _worth(self, cell: Cell, stage: int) -> float:
        option = cell.options[stage]
        around = tuple(cell.options[other] for other in self._others(stage))
        worth = self._draw(f"worth {stage} {option} {around}")
        if option == 0:
            return 0.3 * worth
        off = abs(cell.dials[stage] - self._draw(f"dial {stage} {option}"))
        return worth * (1 - DIAL_WEIGHT * min(1.0, 2 * off))

    def _others(self, stage: int) -> tuple[int, ...]:
        if self.kind == "rugged":
            return ((stage + 1) % STAGES, (stage + 3) % STAGES, (stage + 4) % STAGES)
        return (0,) if self.kind == "families" and stage >= STAGES // 2 else ()

    def n_options(self, stage: int) -> int:
        """Return how many options a stage has beside the naive one."""
        return FAMILIES if self.kind == "families" and stage == 0 else OPTIONS

    def _draw(self, what: str) -> float:
        if what not in self._known:
            self._known[what] = Random(f"{self.seed} {self.kind} {what}").random()
        return self._known[what]

    def popularity(self, stage: int) -> list[float]:
        """Return how readily the proposer takes each option of a stage: habit, which says nothing of worth."""
        habit = list(range(1, self.n_options(stage) + 1))
        Random(f"{self.seed} habit {stage}").shuffle(habit)
        return [1 / place for place in habit]

    def ideas(self, count: int = 4) -> list[str]:
        """Return ideas: three stages' options each; every other one is taken from the best of 3,000 random cells."""
        rng = Random(f"{self.seed} ideas")
        sizes = [self.n_options(stage) for stage in range(STAGES)]
        cells = [Cell(tuple(rng.randint(1, size) for size in sizes), SEED.dials) for _ in range(3_000)]
        best = max(cells, key=lambda cell: self.value(cell.source) or 0.0)
        found = []
        for number in range(count):
            told = best if number % 2 else cells[number]
            stages = sorted(rng.sample(range(STAGES), 3))
            found.append("Use " + ", ".join(f"stage_{at}_option_{told.options[at]}" for at in stages))
        return found


@dataclass(frozen=True)
class NoisyProposer:
    """Writes cells for a landscape as a language model would: `failures`, `repeats` and `mended` are chances."""

    landscape: Landscape
    failures: float = 0.2
    repeats: float = 0.18
    mended: float = 0.6
    name: str = "noisy"
    notice: str = ""
    is_instant: bool = True
    is_untrusted: bool = False

    def propose(self, request: Request) -> Proposal:
        """Return a cell; the same request with the same seed gives the same one."""
        rng = Random(request.seed)
        return Proposal(self._written(request, rng).source, self.name, tokens_in=_TOKENS[request.operator])

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def _written(self, request: Request, rng: Random) -> Cell:
        parent = read(request.parent.source)
        if parent.fault and request.operator == "debug":
            return Cell(parent.options, parent.dials, 0 if rng.random() < self.mended else rng.randrange(1, 10_000))
        if rng.random() < self.repeats:
            # Three of four repetitions in the published trees are the parent itself.
            old = [request.parent, *request.siblings]
            return read((old[0] if rng.random() < 0.75 else rng.choice(old)).source)
        cell = self._changed(request, parent, rng)
        fault = rng.randrange(1, 10_000) if rng.random() < self.failures else 0
        return Cell(cell.options, cell.dials, fault)

    def _changed(self, request: Request, parent: Cell, rng: Random) -> Cell:
        operator = request.operator
        if operator == "recombine" and request.partner:
            return _joined(parent, read(request.partner.source), rng)
        if operator == "tune" and any(parent.options):
            return _tuned(parent, rng)
        if operator == "draft" or not all(parent.options):
            parent = self._draft(rng)
            if operator != "idea":
                return parent
        if operator == "idea":
            told = {int(a): int(b) for a, b in re.findall(r"stage_(\d)_option_(\d)", request.idea)}
            return self._with(parent, told, rng)
        stages = rng.sample(range(STAGES), rng.choices(*CHANGED_STAGES)[0])
        return self._with(parent, {at: self._option(at, rng) for at in stages}, rng)

    def _draft(self, rng: Random) -> Cell:
        return self._with(SEED, {at: self._option(at, rng) for at in range(STAGES)}, rng)

    def _option(self, stage: int, rng: Random) -> int:
        return rng.choices(range(1, self.landscape.n_options(stage) + 1), self.landscape.popularity(stage))[0]

    @staticmethod
    def _with(cell: Cell, told: Mapping[int, int], rng: Random) -> Cell:
        """Return the cell with some options replaced; a new option's dial is set by guess."""
        options, dials = list(cell.options), list(cell.dials)
        for stage, option in told.items():
            if options[stage] != option:
                options[stage], dials[stage] = option, round(rng.random(), 2)
        return Cell(tuple(options), tuple(dials))


_TOKENS: Mapping[str, int] = MappingProxyType(
    {"improve": 10, "tune": 10, "debug": 10, "draft": 8, "idea": 11, "recombine": 14}
)


def _joined(a: Cell, b: Cell, rng: Random) -> Cell:
    taken = [(a if rng.random() < 0.5 else b) for _ in range(STAGES)]
    return Cell(
        tuple(each.options[at] for at, each in enumerate(taken)), tuple(each.dials[at] for at, each in enumerate(taken))
    )


def _tuned(cell: Cell, rng: Random) -> Cell:
    dials = list(cell.dials)
    for stage in rng.sample(range(STAGES), rng.choice((1, 1, 2, 3))):
        dials[stage] = round(min(1.0, max(0.0, dials[stage] + rng.gauss(0, 0.25))), 2)
    return Cell(cell.options, tuple(dials))


def search(
    landscape: Landscape, planner: Planner, *, calls: int, workers: int = 1, ideas: Sequence[str] = ()
) -> Record:
    """Return the record of a search of so many calls, `workers` of them in flight at once.

    Calls end in an order of their own, drawn from the planner's entropy.
    """
    entropy = int(planner.entropy)
    proposer, durations = NoisyProposer(landscape), Random(f"durations {entropy}")
    record = Record()
    record.task, record.options = Task(seed=SEED.source, metric="value", outputs=("x",)), {"direction": "maximize"}
    value = landscape.value(SEED.source)
    record.apply(ev.NodeAdded(0.0, Node(0, (), SEED.source, "ok", value, to_score(value, "maximize"), "seed", "")))
    running: list[tuple[float, int, Proposal]] = []
    now, asked = 0.0, 0
    while asked < calls or running:
        while asked < calls and len(running) < workers:
            asked += 1
            wanted = planner.ask(record, asked, ideas)
            record.apply(ev.ExpansionStarted(now, asked, wanted.parents, wanted.operator, wanted.pick, "", wanted.idea))
            proposal = proposer.propose(request_for(record, record.in_flight[asked], entropy))
            heappush(running, (now + durations.lognormvariate(0, 0.5), asked, proposal))
        now, ticket, proposal = heappop(running)
        record.apply(ev.NodeAdded(now, _child(landscape, record, ticket, proposal)))
    return record


def _child(landscape: Landscape, record: Record, ticket: int, proposal: Proposal) -> Node:
    flight, source = record.in_flight[ticket], proposal.source or ""
    value, original = landscape.value(source), record.index_of(digest(source))
    status: Status = "error" if value is None else "ok" if original is None else "duplicate"
    return Node(
        len(record.nodes), flight.parents, source, status, value, to_score(value, "maximize"), flight.operator,
        proposal.model, idea=flight.idea, ticket=ticket, duplicate_of=original, pick=flight.pick,
        tokens=proposal.tokens,
    )  # fmt: skip
