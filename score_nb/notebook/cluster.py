"""`--cluster` and `--gpus` as a notebook means them: its names looked up, and what there is to say about them."""

from __future__ import annotations

import glob
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from score_nb.config import Options, gpu_list
from score_nb.errors import BadOption, did_you_mean
from score_nb.evaluate.base import Evaluator, EvaluatorSetup


def cluster_of(option: str | None, namespace: Mapping[str, Any]) -> object:
    """Return what `--cluster` names: the address itself, or the notebook's object of that name.

    Raises
    ------
    BadOption
        The notebook has no such name.
    """
    if option is None or not option.isidentifier():
        return option
    if option not in namespace:
        near = did_you_mean(option, [name for name in namespace if not name.startswith("_")])
        raise BadOption(
            f"--cluster {option}: the notebook has no such name.{near} It takes the name of a Dask Client or cluster, "
            "or an address such as tcp://host:8786"
        )
    return namespace[option]


def address_of(cluster: object) -> str:
    """Return the address by which a `Client` or cluster is remembered."""
    scheduler = getattr(cluster, "scheduler", None)
    return str(getattr(cluster, "scheduler_address", None) or getattr(scheduler, "address", None) or cluster)


def cluster_evaluator(setup: EvaluatorSetup, options: Options, cluster: object) -> Evaluator:
    """Return the evaluator of a cluster, connected.

    Raises
    ------
    BadOption
        No cluster answers, or `--gpus` names devices.
    """
    from score_nb.evaluate.cluster import ClusterEvaluator, connect

    most = options.workers
    if options.gpus:
        count = gpu_list(options.gpus)
        if not isinstance(count, int):
            raise BadOption(
                f"--gpus {options.gpus}: with --cluster it takes how many, since devices are counted on each worker"
            )
        most = min(count, most or count)
        setup = replace(setup, gpus=("any",))
    return ClusterEvaluator(setup, connect(cluster, str(options.cluster)), most)


def waits_for_workers(evaluator: Evaluator | None) -> list[str]:
    """Return a sentence where a cluster has no workers yet."""
    if evaluator is None or not getattr(evaluator, "is_empty", False):
        return []
    return ["the cluster has no workers yet: the search begins when the first one has joined"]


def notes(options: Options) -> list[str]:
    """Return what the user should know, one sentence each."""
    if options.gpus and not options.cluster and sys.platform == "linux" and not glob.glob("/dev/nvidia[0-9]*"):
        return ["--gpus: this machine has no NVIDIA device (/dev/nvidia0); candidates are assigned one all the same"]
    return []
