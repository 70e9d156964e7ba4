"""A run that looks like a real one and needs nothing: the loop is real, its proposer and evaluator read from a script.

Used where a page is to be looked at: the widget's tests, browser tests, screenshots.
"""

from __future__ import annotations

import random
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from score_nb.config import Options
from score_nb.evaluate.base import Confinement
from score_nb.propose.base import Request
from score_nb.run.run import Run
from score_nb.run.seed_tests import EMPTY
from score_nb.run.start import Launch, start_run
from score_nb.types import Evaluation, Flag, Proposal, Status, Task

_MODELS = {
    "LogisticRegression": ("sklearn.linear_model", "C=1.0, max_iter=200", 0.0),
    "LinearSVC": ("sklearn.svm", "C=0.5, dual=False", 0.012),
    "RandomForestClassifier": ("sklearn.ensemble", "n_estimators=400, n_jobs=1", 0.021),
    "ExtraTreesClassifier": ("sklearn.ensemble", "n_estimators=600, min_samples_leaf=2", 0.027),
    "HistGradientBoostingClassifier": ("sklearn.ensemble", "learning_rate=0.08, max_iter=300", 0.034),
}
_SCALERS = {"StandardScaler": 0.0, "RobustScaler": 0.008, "QuantileTransformer": 0.013, "PowerTransformer": 0.011}
_REDUCERS = {
    "": 0.0,
    "PCA(n_components=30)": 0.014,
    "SelectKBest(k=200)": 0.009,
    "TruncatedSVD(n_components=40)": 0.012,
}
_WEIGHTS = {False: 0.0, True: 0.018}
_FAILURES: list[tuple[Status, str]] = [
    ("error", "ValueError: Input X contains NaN."),
    ("timeout", "not finished after 30 s"),
    ("memory", "more than 1024 MiB"),
    ("invalid", "predict returned 412 labels for 420 cells"),
    ("crashed", "ended by signal 11 (SIGSEGV)"),
    ("forbidden", "tried to open a network connection"),
]
_TRACEBACK = """\
fitting 3 models on 2,100 cells x 765 genes
Traceback (most recent call last):
  File "<cell>", line 9, in <module>
    model = make_pipeline(*steps).fit(X_train, y_train)
  File "sklearn/pipeline.py", line 655, in fit
    self._final_estimator.fit(Xt, y, **last_step_params["fit"])
  File "sklearn/utils/validation.py", line 147, in _assert_all_finite_element_wise
    raise ValueError(msg_err)
ValueError: Input X contains NaN.
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One cell of the showcase, by what it is made of."""

    model: str = "LogisticRegression"
    scaler: str = "StandardScaler"
    reducer: str = ""
    is_weighted: bool = False
    tuned: int = 0

    @property
    def source(self) -> str:
        """The cell."""
        module, arguments, _ = _MODELS[self.model]
        weight = ', class_weight="balanced"' if self.is_weighted else ""
        tuned = f", random_state={self.tuned}" if self.tuned else ""
        reduce_import = (
            "from sklearn.decomposition import PCA, TruncatedSVD\n" if "(n_components" in self.reducer else ""
        )
        reduce_step = f"    {self.reducer},\n" if self.reducer else ""
        return (
            f"from {module} import {self.model}\n{reduce_import}"
            f"from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import {self.scaler}\n\n"
            f"# One pipeline, so that nothing of the validation cells leaks into the scaling.\n"
            f"steps = [\n    {self.scaler}(),\n{reduce_step}    {self.model}({arguments}{weight}{tuned}),\n]\n"
            "model = make_pipeline(*steps).fit(X_train, y_train)\n\n\n"
            'def predict(X):\n    """Cell types of the rows of X."""\n    return model.predict(X)'
        )

    @property
    def value(self) -> float:
        """Its score, the same every time."""
        own = _MODELS[self.model][2] + _SCALERS[self.scaler] + _REDUCERS[self.reducer] + _WEIGHTS[self.is_weighted]
        noise = zlib.crc32(self.source.encode()) / 2**32
        return round(0.7815 + own + 0.02 * (noise - 0.5) + 0.002 * min(self.tuned, 4), 6)


class ShowcaseProposer:
    """Changes one ingredient of the parent at a time."""

    name = "showcase-model"
    notice = ""
    is_instant = False
    is_untrusted = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.recipes = {Recipe().source: Recipe()}

    def propose(self, request: Request) -> Proposal:
        """Return the parent with one ingredient changed; its plan says which."""
        rng = random.Random(request.ticket * 7919)
        time.sleep(self._seconds * rng.uniform(0.6, 1.4))
        parent = self.recipes.get(request.parent.source, Recipe())
        child, plan = _changed(parent, rng)
        self.recipes[child.source] = child
        return Proposal(
            child.source, model=self.name, detail=plan,
            prompt=f"Improve this cell.\n\nGoal: {request.task.goal}\n\n```python\n{request.parent.source}\n```\n"
            f"It scored {request.parent.value}. The best so far is {request.best}.",
            reply=f"{plan}\n\n```python\n{child.source}\n```", tokens_in=1_180 + 3 * request.ticket, tokens_out=412,
            cost=0.00061, seconds=self._seconds,
        )  # fmt: skip

    def close(self) -> None:
        """Do nothing."""


class ShowcaseEvaluator:
    """Scores recipes; one in seven fails, each in its way."""

    def __init__(self, proposer: ShowcaseProposer, seconds: float, *, is_doubtful: bool = False) -> None:
        self._proposer = proposer
        self._seconds = seconds
        self._is_doubtful = is_doubtful
        self._numbers: dict[str, int] = {}
        self._guard = threading.Lock()
        self._closed = threading.Event()

    def prepare(self) -> None:
        """Do nothing."""

    def start(self) -> Confinement:
        """Say that nothing is run."""
        return Confinement("full", {})

    def limit(self, timeout: float, memory: int) -> None:
        """Do nothing."""

    def expect(self, contract: Mapping[str, Any]) -> None:
        """Do nothing."""

    def evaluate(self, source: str, *, seed: int = 0, metric: str = "metric", probe: bool = False) -> Evaluation:
        """Return the recipe's score, or a failure."""
        if source == EMPTY:
            return Evaluation("invalid", detail="does not define `predict`")
        recipe = self._proposer.recipes[source]
        chance = random.Random(source)
        if metric == "holdout":
            return Evaluation("ok", round(recipe.value - 0.011 + 0.006 * chance.uniform(-1, 1), 6))
        self._closed.wait(self._seconds * chance.uniform(0.5, 1.5))
        if recipe != Recipe() and chance.random() < 1 / 7:
            status, detail = chance.choice(_FAILURES)
            log = _TRACEBACK if status == "error" else "fitting 3 models on 2,100 cells x 765 genes\n"
            return Evaluation(status, detail=detail, log=log, seconds=1.9, cpu_seconds=1.8, peak_mib=88.0)
        value, flags = self._doubtful(recipe, seed) if self._is_doubtful else (recipe.value, ())
        return Evaluation(
            "ok", value, flags=flags, probes={"constant": 0.125, "shuffled": 0.1372} if probe else {},
            metrics={"accuracy": round(recipe.value + 0.021, 4)}, log="scores: 0.79 0.81 0.80\n",
            seconds=chance.uniform(0.8, 3.4), cpu_seconds=chance.uniform(0.8, 3.2), peak_mib=chance.uniform(40, 160),
        )  # fmt: skip

    def _doubtful(self, recipe: Recipe, seed: int) -> tuple[float, tuple[Flag, ...]]:
        """Return a value that depends on the random seed; the scorer doubts every sixth program, each in its way."""
        with self._guard:
            number = self._numbers.setdefault(recipe.source, len(self._numbers))
        value = round(recipe.value + random.Random(f"{seed}{recipe.source}").gauss(0, 0.004), 6)
        if number % 12 == 4:
            return round(value + 0.06, 6), (Flag("constant", "all 420 predictions are the same"),)
        if number % 12 == 10:
            return value, (Flag("nondeterministic", "two calls of predict on the same 16 rows differ"),)
        return value, ()

    def close(self) -> None:
        """Let evaluations at work return at once."""
        self._closed.set()


def _changed(recipe: Recipe, rng: random.Random) -> tuple[Recipe, str]:
    match rng.choice(["model", "model", "scaler", "reducer", "weights", "tune", "tune"]):
        case "model":
            model = rng.choice([name for name in _MODELS if name != recipe.model])
            return replace(recipe, model=model, tuned=0), f"Replace {recipe.model} by {model}"
        case "scaler":
            scaler = rng.choice([name for name in _SCALERS if name != recipe.scaler])
            return replace(recipe, scaler=scaler), f"Scale the counts by {scaler}"
        case "reducer":
            reducer = rng.choice([name for name in _REDUCERS if name != recipe.reducer])
            return replace(recipe, reducer=reducer), f"Reduce the genes by {reducer}" if reducer else "Keep all genes"
        case "weights":
            how = "Weight classes alike" if recipe.is_weighted else "Weight rare cell types up"
            return replace(recipe, is_weighted=not recipe.is_weighted), how
        case _:
            return replace(recipe, tuned=rng.randint(1, 6)), "Tune the numbers"


def begin(
    root: Path,
    *,
    name: str = "balanced",
    nodes: int = 60,
    proposal_s: float = 0.3,
    evaluation_s: float = 0.4,
    workers: int = 2,
    repeats: int = 1,
    is_doubtful: bool = False,
) -> Run:
    """Return a showcase run at work, stored under `root`.

    `is_doubtful`: values depend on chance, and some of them are flagged.
    """
    proposer = ShowcaseProposer(proposal_s)
    task = Task(
        seed=Recipe().source, metric="balanced", metric_doc="Balanced accuracy on cells of a lane the seed never sees.",
        parameters=("predict",), outputs=("predict",), inputs=("X_train", "y_train"), scorer=("X_val", "y_val"),
        goal="Name the cell type of each cell from its expression profile.",
    )  # fmt: skip
    options = Options(
        nodes=nodes, workers=workers, proposals=2 * workers, model=proposer.name, holdout="balanced_lane_4", name=name,
        repeats=repeats,
    )  # fmt: skip
    return start_run(
        Launch(
            name=name, task=task, options=options, root=root,
            proposer=lambda: proposer,
            evaluator=lambda: ShowcaseEvaluator(proposer, evaluation_s, is_doubtful=is_doubtful),
        )
    )  # fmt: skip
