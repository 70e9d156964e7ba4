"""The options of one run, checked once where the text is read."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from score_nb.errors import BadOption, did_you_mean
from score_nb.types import Direction

POLICIES = ("puct", "greedy", "best-of-n")
OPERATORS = ("learnt", "fixed", "plain")
Level = Literal["none", "partial", "full"]
LEVELS = get_args(Level)
"""Of confinement, the least first."""
_GPU_NAME = re.compile(r"\d+|(?:GPU|MIG)-[\w/-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a run; names and defaults are those of `%%score?`.

    None means "decided later": `workers` by the machine, `timeout` (s) and `memory` (MiB) by the seed's own run,
    `model` by the environment, `wait` by who is watching, `goal` by docstring and Markdown, `name` by the metric.
    """

    direction: Direction = "maximize"
    nodes: int = 50
    minutes: float | None = None
    tokens: int | None = None
    cost: float | None = None
    workers: int | None = None
    proposals: int | None = None
    model: str | None = None
    effort: str | None = None
    edit: bool = False
    prompts: str | None = None
    rows: int = 0
    ideas: str | None = None
    goal: str | None = None
    holdout: str | None = None
    repeats: int = 1
    timeout: float | None = None
    memory: int | None = None
    share: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    policy: str = "puct"
    c_puct: float = 1.0
    operators: str = "learnt"
    seed: int | None = None
    confinement: str = "full"
    cluster: str | None = None
    gpus: str | None = None
    wait: bool | None = None
    name: str | None = None
    fresh: bool = False
    dry_run: bool = False
    stub: bool = False

    def __post_init__(self) -> None:
        _at_least("nodes", self.nodes, 1)
        _at_least("repeats", self.repeats, 1)
        _at_least("rows", self.rows, 0)
        for option in ("workers", "proposals", "memory", "tokens"):
            _at_least(option, getattr(self, option), 1)
        for option in ("minutes", "timeout", "cost"):
            _positive(option, getattr(self, option))
        if self.gpus is not None:
            gpu_list(self.gpus)
        if not math.isfinite(self.c_puct) or self.c_puct < 0:
            raise BadOption(f"--c-puct must be a number of at least 0, not {self.c_puct}")
        if self.name is not None and not self.name.isidentifier():
            raise BadOption(f"--name must be a Python name (it becomes a variable), not {self.name!r}")
        if self.policy not in POLICIES:
            near = did_you_mean(self.policy, POLICIES)
            raise BadOption(f"--policy {self.policy} is unknown: choose one of {', '.join(POLICIES)}.{near}")
        if self.operators not in OPERATORS:
            near = did_you_mean(self.operators, OPERATORS)
            raise BadOption(f"--operators {self.operators} is unknown: choose one of {', '.join(OPERATORS)}.{near}")
        if self.confinement not in LEVELS:
            near = did_you_mean(self.confinement, LEVELS)
            raise BadOption(f"--confinement {self.confinement} is unknown: choose one of {', '.join(LEVELS)}.{near}")

    @property
    def n_workers(self) -> int:
        """Candidates evaluated at once: `workers`, else the cores this process may use less one, at least 1.

        With `gpus` there are as many as devices, or fewer.  A cluster tells by itself how many it can take.
        """
        if self.gpus is None or self.cluster:
            return self.workers or max(1, usable_cores() - 1)
        return min(n_gpus(self.gpus), self.workers or n_gpus(self.gpus))

    @property
    def n_proposals(self) -> int:
        """Model calls in flight at once: `proposals`, else twice the workers."""
        return self.proposals or 2 * self.n_workers


def option_names() -> tuple[str, ...]:
    """Return the keyword names of all options, in the order of the documentation."""
    return tuple(f.name for f in fields(Options))


def options_from(**values: Any) -> Options:
    """Return the options of a run, the defaults where nothing is said.

    Raises
    ------
    BadOption
        An option does not exist (the nearest one is named) or cannot take that value.
    """
    for name in values:
        if name not in option_names():
            raise BadOption(f"there is no option {name}.{did_you_mean(name, option_names())}")
    return Options(**values)


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def gpu_list(text: str) -> int | tuple[str, ...]:
    """Return what `--gpus` says: how many devices, or which ("0," and "0,2" are lists, so is "GPU-5e1f…").

    Raises
    ------
    BadOption
        It is neither.
    """
    if text.strip().isdecimal():
        if not int(text):
            raise BadOption("--gpus takes how many devices, at least 1; for the device number 0 alone write --gpus 0,")
        return int(text)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    wrong = [name for name in names if not _GPU_NAME.fullmatch(name)]
    if wrong or not names or len(set(names)) < len(names):
        raise BadOption(
            f"--gpus takes how many devices, or which: numbers or UUIDs joined by commas, each once, not {text!r}"
        )
    return names


def n_gpus(text: str) -> int:
    """Return how many devices `--gpus` asks for."""
    found = gpu_list(text)
    return found if isinstance(found, int) else len(found)


def _at_least(option: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise BadOption(f"--{option.replace('_', '-')} must be at least {least}, not {value}")


def _positive(option: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise BadOption(f"--{option.replace('_', '-')} must be a number above 0, not {value}")
