"""What every evaluator promises, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from score_nb.config import LEVELS, Level
from score_nb.types import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorSetup:
    """What an evaluator is given once.  The objects are live; they are copied (by value) in `prepare`.

    Attributes
    ----------
    seed : str
        Source of the seed cell; the modules that it imports are imported before the first candidate is forked.
    outputs : tuple of str
        Names that a candidate must define.
    parameters : tuple of str
        Those of them that the metric takes as arguments; the rest are bound as globals of the metric.
    inputs : mapping
        What a candidate may read, by name: data, modules, functions, classes of the notebook.
    scorer : mapping
        What only the metric (and hold-out) reads, by name, the metric functions themselves included.  Names of
        `inputs` that the metric reads too are not repeated here.
    metric : str
        Name of the metric in `scorer`.
    holdout : str or None
        Name of the hold-out metric in `scorer`.
    workers : int
        Evaluations at once.
    timeout : float or None
        Wall seconds of one evaluation, metric included; None until the seed's own run has told.
    memory : int or None
        MiB that one candidate may use beyond the inputs; None until the seed's own run has told.
    read_paths : tuple of str
        Files and folders beside the installed packages that a candidate may read.
    folder : str
        The notebook's folder: current directory when modules beside the notebook are imported.
    import_path : tuple of str
        Folders to import from beside those of this interpreter.
    gpus : tuple of str
        Devices as `CUDA_VISIBLE_DEVICES` names them; each evaluation gets one of its own.  Without any no candidate
        can reach a GPU.
    secrets : tuple of str
        Values (API keys) that must never leave: scanned for in what is sent, redacted in what comes back.
    """

    seed: str
    outputs: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: Mapping[str, Any]
    scorer: Mapping[str, Any]
    metric: str
    holdout: str | None = None
    workers: int = 1
    timeout: float | None = None
    memory: int | None = None
    read_paths: tuple[str, ...] = ()
    folder: str = "."
    import_path: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds here, found by doing; `layers` maps a layer to "" where it holds, else to the reason why not."""

    level: Level
    layers: Mapping[str, str]

    def is_below(self, level: str) -> bool:
        """Return whether less holds than at that level."""
        return LEVELS.index(self.level) < LEVELS.index(level)

    @property
    def notice(self) -> str:
        """What a user is to know before candidates run: what does not hold here and why; "" where all does."""
        if self.level == "full":
            return ""
        missing = "; ".join(f"{layer}: {reason}" for layer, reason in self.layers.items() if reason)
        how = "are not confined" if self.level == "none" else "are confined in part only"
        why = missing or "nothing was tried"
        return f"candidates {how} on this machine ({why}); docs/security.md says what that means"


class Evaluator(Protocol):
    """Runs candidates and scores them.  All methods may be called from any thread."""

    @property
    def places(self) -> int:
        """How many evaluations can be at work at once now, at least 1."""
        ...

    def prepare(self) -> None:
        """Copy the inputs, so that the notebook may change its own afterwards; called on the user's thread.

        Raises
        ------
        BadInput
            An input cannot be sent; the message names it and the mend.
        """
        ...

    def start(self) -> Confinement:
        """Start what must be started and return what confinement holds; `prepare` has been called.

        Raises
        ------
        BadInput
            An input cannot be rebuilt where candidates run.
        EvaluatorBroken
            Candidates cannot be run here; the message says why.
        """
        ...

    def limit(self, timeout: float, memory: int) -> None:
        """Set wall seconds and MiB for the evaluations that follow."""
        ...

    def expect(self, contract: Mapping[str, Any]) -> None:
        """Set what the outputs of the evaluations that follow must look like: `Evaluation.contract` of the seed."""
        ...

    def evaluate(
        self, source: str, *, seed: int = 0, metric: Literal["metric", "holdout"] = "metric", probe: bool = False
    ) -> Evaluation:
        """Run `source` in a process of its own, score it, and return what happened; blocks the calling thread.

        At most `workers` calls run at once, further ones wait.  A failing candidate is a value, never an exception.
        `seed` seeds the random generators of candidate and scorer; with `probe` the metric is tried on spoilt outputs
        too (`Evaluation.probes`).

        Raises
        ------
        EvaluatorBroken
            The tool itself failed (after one attempt to restart it), or `close` was called meanwhile.
        """
        ...

    def close(self) -> None:
        """Kill what is at work and free everything; further calls do nothing."""
        ...
