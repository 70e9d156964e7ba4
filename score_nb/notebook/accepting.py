"""An accepted candidate measured again where it was accepted: with the notebook's values as they are now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from score_nb.errors import ScoreError
from score_nb.notebook.namespace import seed_names
from score_nb.notebook.prepared import Search
from score_nb.record import Record
from score_nb.types import Evaluation, Node


def measured_again(search: Search, record: Record, node: Node, namespace: Mapping[str, Any]) -> Evaluation:
    """Return what the metric gives to `node` with the notebook's present values, in processes of its own.

    Not in the kernel: a metric may change what it reads.  What seed or candidate define themselves stays out of it.

    Raises
    ------
    ScoreError
        It cannot be evaluated.
    """
    found = search.found
    own = seed_names(node.source).binds | seed_names(record.task.seed).binds
    metrics = {found.task.metric, found.holdout}

    def now(values: Mapping[str, Any]) -> dict[str, Any]:
        return {n: v if n in own or n in metrics else namespace.get(n, v) for n, v in values.items()}

    fresh = replace(found, inputs=now(found.inputs), scorer=now(found.scorer))
    entropy = search.options.seed if search.options.seed is not None else int(record.run_id, 16) % 2**31
    with closing(replace(search, found=fresh).evaluator()) as evaluator:
        evaluator.prepare()
        evaluator.start()
        if record.timeout and record.memory:
            evaluator.limit(record.timeout, record.memory)
        return evaluator.evaluate(node.source, seed=entropy)


def comparison(record: Record, node: Node, again: Evaluation) -> str:
    """Return how the value in the accepted notebook compares with the node's, in a sentence."""
    metric, value = record.task.metric, node.value
    if value is None:
        raise ScoreError(f"node {node.index} has no value to compare with")
    if again.value is None:
        return (
            f"{metric} could not be measured in the accepted notebook ({again.detail}): the notebook's values are no "
            "longer those of the search"
        )
    if math.isclose(again.value, value, rel_tol=1e-9, abs_tol=1e-12):
        return f"{metric} is {again.value:.6g} in the accepted notebook too"
    if record.noise and abs(again.value - value) <= 2 * record.noise * math.sqrt(1 + 1 / node.repeats):
        return f"{metric} is {again.value:.6g} in the accepted notebook, {value:.6g} in the search: within its noise"
    return (
        f"{metric} is {again.value:.6g} in the accepted notebook, not {value:.6g} as in the search: it depends on "
        "chance (--repeats), or a cell changed what it reads"
    )
