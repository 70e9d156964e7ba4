"""Records to look at, made from events alone: what the loop would emit, without a loop."""

import random
from dataclasses import asdict

from score_nb import events as ev
from score_nb.record import Record
from score_nb.types import Node, Pick, Status, Task, to_score

SEED_SOURCE = '''\
from sklearn.linear_model import LogisticRegression

model = LogisticRegression(max_iter=200)
model.fit(X_train, y_train)


def predict(X):
    """Return the class of each row."""
    return model.predict(X)
'''

BEST_SOURCE = '''\
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=800))
model.fit(X_train, y_train)


def predict(X):
    """Return the class of each row."""
    return model.predict(X)
'''


def started(nodes: int = 50, direction: str = "maximize", name: str = "balanced") -> ev.RunStarted:
    task = Task(
        seed=SEED_SOURCE, metric=name, parameters=("predict",), outputs=("predict",), inputs=("X_train", "y_train")
    )
    return ev.RunStarted(
        at=0.0,
        run_id="20261122-183000-balanced",
        name=name,
        created="2026-11-22T18:30:00+00:00",
        task=asdict(task),
        options={"nodes": nodes, "direction": direction, "model": "offline"},
        versions={"score-nb": "0.1.0"},
    )


def make_node(index: int, value: float | None, parents: tuple[int, ...] = (0,), **fields: object) -> Node:
    direction = fields.pop("direction", "maximize")
    status: Status = "ok" if value is not None else "error"
    values: dict[str, object] = {
        "index": index,
        "parents": parents if index else (),
        "source": SEED_SOURCE if index == 0 else f"{BEST_SOURCE}\nC = {index}\n",
        "status": status,
        "value": value,
        "score": to_score(value, direction),  # type: ignore[arg-type]
        "operator": "improve" if index else "seed",
        "model": "offline" if index else "",
        "ticket": index,
        "seconds": 0.8,
        "started": float(index),
        "finished": index + 0.8,
    }
    return Node(**{**values, **fields})  # type: ignore[arg-type]


def simulate(
    count: int, direction: str = "maximize", seed: int = 3, failed: float = 0.12, holdout: bool = True
) -> Record:
    """Return a record such as a search of `count` nodes leaves: failures, repeats, hybrids, one absurd value."""
    rng = random.Random(seed)
    record = Record()
    record.apply(started(count, direction))
    record.apply(ev.EvaluatorReady(1.0, {"level": "full", "layers": {"landlock": ""}}, 30.0, 1024))
    quality: list[float] = []
    for index in range(count):
        parents, kind, value = (), "ok", 0.82
        pick = Pick(rank_score=0.8, visits=3, bonus=0.12) if index else None
        if index:
            parents = _parents(record, rng, index)
            value = min(0.82 + 0.09 * index / (index + 40), quality[parents[0]] + rng.gauss(-0.016, 0.016))
            kind = _kind(rng, index, failed)
            record.apply(ev.ExpansionStarted(index * 1.6, index, parents, "improve", pick))  # type: ignore[arg-type]
        value = quality[parents[0]] if kind == "duplicate" else value
        quality.append(value)
        value = 0.05 if index == 9 else value
        shown = None if kind not in ("ok", "duplicate") else value if direction == "maximize" else 1 - value
        node = make_node(index, shown, parents, status=kind, direction=direction, pick=pick)
        record.apply(ev.NodeAdded(index * 1.7 + 1, node))
        if holdout and shown is not None and record.best is not None and record.best.index == index:
            offset = (0.012 + rng.random() * 0.008) * (1 if direction == "maximize" else -1)
            record.apply(ev.HoldoutScored(index * 1.7 + 1.1, index, shown - offset))
    record.apply(ev.StateChanged(count * 1.7 + 2, "finished", f"{count} nodes evaluated"))
    return record


def _kind(rng: random.Random, index: int, failed: float) -> str:
    if index != 9 and rng.random() < failed:
        return rng.choice(["error", "error", "timeout", "memory", "crashed", "forbidden", "invalid"])
    return "duplicate" if rng.random() < 0.08 else "ok"


def _parents(record: Record, rng: random.Random, index: int) -> tuple[int, ...]:
    """Choose as PUCT does: rank plus a bonus for what was visited little."""
    order = sorted(range(index), key=lambda i: record.nodes[i].score)
    reach = sum(node.visits for node in record.nodes) ** 0.5 / index
    appeal = {node: place / index + 1.5 * reach / (1 + record.nodes[node].visits) for place, node in enumerate(order)}
    parent = max(appeal, key=lambda node: (appeal[node], -node))
    return (parent, rng.randrange(index)) if index > 20 and rng.random() < 0.04 else (parent,)
