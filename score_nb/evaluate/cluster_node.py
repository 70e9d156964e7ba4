"""What runs on the workers of a Dask cluster: one evaluator per worker and run, for all of its evaluations there.

A node lives as long as its lease, a key that the notebook's client holds.  When that is let go, or the client
vanishes, the scheduler has the worker forget the key: `Lease` hears that and closes the node.  When the worker's
process ends, its tree of processes ends with it, as below a notebook.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.choose import evaluator_for
from score_nb.evaluate.freight import Freight
from score_nb.evaluate.gpus import visible
from score_nb.types import Evaluation, Flag

GPU = "GPU"  # the name of the resource
_nodes: dict[tuple[str, str], Node] = {}
_guard = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One evaluation, as it is sent."""

    source: str
    seed: int
    metric: Literal["metric", "holdout"]
    probe: bool
    limits: tuple[float, int] | None
    contract: Mapping[str, Any]
    modules: tuple[str, ...]


class Node:
    """The evaluator of one run in one worker's process."""

    def __init__(self, key: tuple[str, str], setup: EvaluatorSetup, freight: Freight) -> None:
        self.key = key
        self._evaluator = evaluator_for(setup)
        self._evaluator.adopt(freight.copies)
        self._told: frozenset[str] = frozenset()
        self._is_closed = False

    def start(self) -> dict[str, Any]:
        """Start it and return what confinement holds here."""
        found = self._evaluator.start()
        self._told = self._evaluator.modules
        return {"level": found.level, "layers": dict(found.layers)}

    def evaluate(self, order: Order) -> dict[str, Any]:
        """Return the evaluation, with the modules that it was the first to need."""
        evaluator = self._evaluator
        if order.limits is not None:
            evaluator.limit(*order.limits)
        evaluator.expect(order.contract)
        evaluator.warm(order.modules)
        found = evaluator.evaluate(order.source, seed=order.seed, metric=order.metric, probe=order.probe)
        news = evaluator.modules - self._told - set(order.modules)
        self._told |= news
        return {"evaluation": packed(found), "modules": sorted(news)}

    def close(self) -> None:
        """Forget it and end its processes on a thread of its own: that takes a moment, the worker is not to wait."""
        with _guard:
            if _nodes.get(self.key) is self:
                del _nodes[self.key]
            if self._is_closed:
                return
            self._is_closed = True
        threading.Thread(target=self._evaluator.close, name="score-nb closing", daemon=True).start()


class Lease(WorkerPlugin):
    """Closes a node when its key is forgotten, and when the worker ends.

    Parameters
    ----------
    key : str
        The key of the task that set the node up.
    node : Node
        What it keeps.
    """

    def __init__(self, key: str, node: Node) -> None:
        self.name = key
        self._node = node
        self._worker: Any = None
        self._is_over = False

    def setup(self, worker: Any) -> None:
        """Hear where it is."""
        self._worker = worker

    def transition(self, key: Any, start: str, finish: str, **more: object) -> None:
        """Hear of a task's new state on this worker."""
        if key == self.name and finish in ("released", "forgotten", "cancelled"):
            self._node.close()
            if not self._is_over:
                self._is_over = True
                self._worker.loop.add_callback(self._leave)

    async def _leave(self) -> None:
        if self.name in self._worker.plugins:  # a worker that ends has let it go by itself
            await self._worker.plugin_remove(self.name)

    def teardown(self, worker: Any) -> None:
        """Hear of the worker's end."""
        self._node.close()


def set_up(run: str, setup: EvaluatorSetup, freight: Freight, lease: str) -> dict[str, Any]:
    """Make this worker a node of `run` and return what confinement holds, or why it cannot be one ("refused")."""
    worker = get_worker()
    address = worker.address
    missing = [path for path in setup.read_paths if not os.path.exists(os.path.join(setup.folder, path))]
    if missing:
        return {
            "refused": f"`{missing[0]}`, which the cell reads, does not exist on the cluster's worker {address}: put "
            "it where all workers see it under the same name, or read it in a cell above",
            "kind": "input",
        }
    node = Node((run, address), _here(setup, worker), freight)
    with _guard:
        earlier = _nodes.get(node.key)
        _nodes[node.key] = node
    if earlier is not None:
        earlier.close()
    plugin = Lease(lease, node)
    worker.loop.add_callback(worker.plugin_add, plugin, lease)
    try:
        return {"address": address, **node.start()}
    except (BadInput, EvaluatorBroken) as error:
        node.close()
        kind = "input" if isinstance(error, BadInput) else "broken"
        return {"refused": f"on the cluster's worker {address}: {error}", "kind": kind}


def evaluate(run: str, order: Order) -> dict[str, Any]:
    """Return what came of `order`, or that there is no node of `run` in this worker ("missing")."""
    address = get_worker().address
    node = _nodes.get((run, address))
    if node is None:
        return {"missing": address}
    try:
        return {"address": address, **node.evaluate(order)}
    except EvaluatorBroken as error:
        if _nodes.get(node.key) is not node:  # closed meanwhile
            return {"missing": address}
        return {"address": address, "broken": f"on the cluster's worker {address}: {error}"}


def _here(setup: EvaluatorSetup, worker: Any) -> EvaluatorSetup:
    """Return the set-up as it is on this machine: its folder, its threads, its devices."""
    is_shared = os.path.isdir(setup.folder)
    return replace(
        setup,
        folder=setup.folder if is_shared else worker.local_directory,
        import_path=(setup.folder,) if is_shared else (),
        workers=worker.state.nthreads,
        gpus=_devices(worker) if setup.gpus else (),
    )


def _devices(worker: Any) -> tuple[str, ...]:
    count = int(worker.state.total_resources.get(GPU, 0))
    seen = visible(os.environ)
    return tuple(map(str, range(count))) if seen is None else seen[:count]


def packed(found: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain values, which every version of this package can read."""
    return {
        **{name: getattr(found, name) for name in Evaluation.__slots__},
        "flags": [(flag.kind, flag.detail, flag.is_settled) for flag in found.flags],
        **{name: dict(getattr(found, name)) for name in ("metrics", "contract", "probes")},
    }


def unpacked(values: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation that was packed."""
    return Evaluation(**{**values, "flags": tuple(Flag(*flag) for flag in values["flags"])})
