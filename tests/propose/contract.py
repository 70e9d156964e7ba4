"""What every proposer keeps to; a proposer's test class inherits this one and says how to make it."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from score_nb.propose.base import Proposer, Request, Shown
from score_nb.types import Operator, Proposal, Task, digest

SEED = """\
from sklearn.tree import DecisionTreeClassifier

# the simplest thing that works
model = DecisionTreeClassifier(max_depth=3).fit(X_train, y_train)

def predict(X):
    return model.predict(X)
"""
TASK = Task(
    seed=SEED, metric="balanced", metric_doc="Balanced accuracy.", parameters=("predict",), outputs=("predict",),
    inputs=("X_train", "y_train"), scorer=("X_val", "y_val"), goal="Tell the wines apart.",
)  # fmt: skip


def request(
    operator: Operator = "improve", *, ticket: int = 1, source: str = SEED, task: Task = TASK, seed: int = 0,
    partner: str | None = None, seen: frozenset[str] | None = None, **more: object,
) -> Request:  # fmt: skip
    """A request such as the loop makes."""
    fields: dict[str, object] = {
        "ticket": ticket, "operator": operator, "task": task, "direction": "maximize",
        "parent": Shown(source, 0.8, "ok"), "partner": Shown(partner, 0.7, "ok") if partner else None,
        "seen": frozenset({digest(source)}) if seen is None else seen, "seed": seed,
    }  # fmt: skip
    return Request(**{**fields, **more})  # type: ignore[arg-type]


class ProposerContract:
    """Inherit and define the fixture `proposer`: one that can answer the requests of `request()`."""

    @pytest.fixture
    def proposer(self) -> Proposer:
        raise NotImplementedError

    def test_it_has_a_name_and_a_notice(self, proposer: Proposer) -> None:
        assert proposer.name
        assert isinstance(proposer.notice, str)
        assert proposer.is_instant in (True, False)

    def test_a_proposal_parses_defines_the_outputs_and_says_what_changed(self, proposer: Proposer) -> None:
        proposal = proposer.propose(request())
        assert proposal.source is not None
        names = {node.name for node in ast.walk(ast.parse(proposal.source)) if isinstance(node, ast.FunctionDef)}
        assert "predict" in names
        assert proposal.model
        assert proposal.detail
        assert "\n" not in proposal.detail

    def test_the_same_request_gets_the_same_proposal(self, proposer: Proposer) -> None:
        assert proposer.propose(request(seed=5)).source == proposer.propose(request(seed=5)).source

    def test_tokens_cost_and_seconds_are_not_negative(self, proposer: Proposer) -> None:
        proposal = proposer.propose(request())
        assert min(proposal.tokens_in, proposal.tokens_out, proposal.cost, proposal.seconds) >= 0

    def test_many_threads_may_ask_at_once(self, proposer: Proposer) -> None:
        with ThreadPoolExecutor(4) as pool:
            proposals = list(pool.map(lambda seed: proposer.propose(request(seed=seed)), range(4)))
        assert all(isinstance(proposal, Proposal) and proposal.source for proposal in proposals)

    def test_closing_twice_is_harmless(self, proposer: Proposer) -> None:
        proposer.close()
        proposer.close()
