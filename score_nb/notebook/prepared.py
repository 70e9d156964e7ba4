"""A search before it starts: everything about it found out and checked, and what it needs made ready."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from score_nb.config import Options
from score_nb.errors import BadOption
from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.gpus import devices_for
from score_nb.notebook.cluster import cluster_evaluator, cluster_of, notes, waits_for_workers
from score_nb.notebook.history import Origin, origin_of
from score_nb.notebook.ideas import Ideas, read_ideas
from score_nb.notebook.metric import Metric
from score_nb.notebook.namespace import Study, seed_names, study
from score_nb.notebook.place import markdown_above, notebook_folder, notebook_path
from score_nb.notebook.registry import REGISTRY, Started, key_of, notebook_root
from score_nb.propose.base import Proposer
from score_nb.propose.choose import Manner, is_language_model, proposer_for, recorded_seed
from score_nb.propose.redact import secrets_in
from score_nb.run.run import Run
from score_nb.run.start import Launch, start_run
from score_nb.store.runs import run_key

STOP_S = 30.0


@dataclass(slots=True)
class Search:
    """A search that is ready to start: checked, its inputs copied as they were before the seed ran."""

    found: Study
    options: Options
    name: str
    origin: Origin
    root: Path
    notebook: str
    folder: Path
    ideas: Ideas
    line: str = ""
    cluster: object = None
    _evaluator: Evaluator | None = None
    _proposer: Proposer | None = None
    _is_taken: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two searches the same: name, seed with metric, and data."""
        return (
            self.name,
            run_key(self.found.task, self.options.direction, self.found.holdout_source),
            self.found.fingerprint,
        )

    def live_twin(self) -> Started | None:
        """Return the run at work in this kernel that does exactly this."""
        for started in reversed(REGISTRY.started):
            run = started.run
            if run.is_live and key_of(run) == self.key:
                return started
        return None

    def prepare(self) -> None:
        """Find the model and copy the inputs now: the seed may change them in place when it runs.

        Raises
        ------
        ModelUnavailable, BadInput
            No model can be had; an input cannot be sent.
        """
        self._proposer = self.proposer()
        self._evaluator = self.evaluator()
        self._evaluator.prepare()

    def start(self, *, begins_anew: bool = False) -> tuple[Started, list[str]]:
        """Return the run, and what there is to say: attached to, continued, or an earlier one stopped.

        With `begins_anew` a run of its own is begun where another process is at work on the stored one.
        """
        twin = self.live_twin()
        if twin is not None and not self.options.fresh:
            self.close()
            return self._attach(twin)
        said = [*self._stop_earlier(), *waits_for_workers(self._evaluator)]
        run = start_run(
            Launch(
                name=self.name,
                task=self.found.task,
                options=self.options,
                root=self.root,
                evaluator=self._take_evaluator,
                proposer=self._take_proposer,
                fingerprint=self.found.fingerprint,
                notebook=self.notebook,
                holdout_source=self.found.holdout_source,
                begins_anew=begins_anew,
                ideas=self.ideas.texts,
            )
        )
        self._is_taken = run.is_live  # the run closes them at its end; a run that could not be started does not
        self.close()
        record = run.snapshot()
        started = Started(run, self.origin, self.line, tuple(record.warnings) if record.nodes else ())
        REGISTRY.add(started)
        return started, [*said, *self._how_it_goes_on(run)]

    def close(self) -> None:
        """Free what was made ready and not used."""
        for part in (self._evaluator, self._proposer):
            if part is not None and not self._is_taken:
                part.close()
        self._evaluator = self._proposer = None

    def evaluator(self) -> Evaluator:
        """Return the evaluator of this machine, or of the cluster.

        Raises
        ------
        BadOption
            No cluster answers, or there are fewer GPUs.
        """
        from score_nb.evaluate.choose import evaluator_for

        if self.options.cluster:
            return cluster_evaluator(self._setup(()), self.options, self.cluster)
        return evaluator_for(self._setup(devices_for(self.options.gpus) if self.options.gpus else ()))

    def _setup(self, gpus: tuple[str, ...]) -> EvaluatorSetup:
        found, task = self.found, self.found.task
        return EvaluatorSetup(
            seed=task.seed,
            outputs=task.outputs,
            parameters=task.parameters,
            inputs=found.inputs,
            scorer=found.scorer,
            metric=task.metric,
            holdout=found.holdout,
            workers=self.options.n_workers,
            timeout=self.options.timeout,
            memory=self.options.memory,
            read_paths=found.read_paths,
            folder=os.getcwd(),
            gpus=gpus,
            secrets=secrets_in(os.environ),
        )

    def proposer(self, *, is_rehearsal: bool = False) -> Proposer:
        """Return who writes the candidates; for a rehearsal, where nobody is asked, also without key and server."""
        options = self.options
        manner = Manner(
            effort=options.effort,
            edits=options.edit,
            prompts=options.prompts,
            papers=self.ideas.papers,
            is_rehearsal=is_rehearsal,
            folder=self.folder,
        )
        return proposer_for(options.model, manner=manner)

    def _take_evaluator(self) -> Evaluator:
        self._evaluator = self._evaluator or self.evaluator()
        return self._evaluator

    def _take_proposer(self) -> Proposer:
        self._proposer = self._proposer or self.proposer()
        return self._proposer

    def _how_it_goes_on(self, run: Run) -> list[str]:
        """Return what there is to say where the run is not a new one."""
        done = len(run.nodes)
        if not run.is_live and run.state == "finished":
            return [f"run {run.name} is finished ({run.reason}): raise --nodes to go on, or begin anew with --fresh"]
        return [f"run {run.name} goes on where it was: {_nodes(done)}"] if done else []

    def _attach(self, twin: Started) -> tuple[Started, list[str]]:
        run, options = twin.run, self.options
        said = [f"run {self.name} of this cell is at work already: here it is"]
        if options.nodes != run.options.get("nodes") or options.minutes != run.options.get("minutes"):
            run.set_budget(nodes=options.nodes, minutes=options.minutes)
            said.append(f"its budget is now {_nodes(options.nodes)}")
        started = replace(twin, origin=self.origin, line=self.line or twin.line)
        REGISTRY.add(started)
        return started, said

    def _stop_earlier(self) -> list[str]:
        """Stop the runs at work that this `%%score` cell began; where no ids tell cells apart, by name."""
        said = []
        for started in REGISTRY.started if self.line else ():
            run = started.run
            nameless = started.origin.cell_id is None or self.origin.cell_id is None
            same_cell = started.origin.is_same_cell(self.origin) or (nameless and run.name == self.name)
            if run.is_live and started.line and same_cell:
                run.stop()
                run.wait(STOP_S)
                why = "--fresh" if key_of(run) == self.key else "the cell, its metric or its data changed"
                said.append(f"the earlier run of this cell was stopped at {_nodes(len(run.nodes))}: {why}")
        return said


def plan(
    metric: Metric,
    metric_name: str,
    seed: str,
    namespace: Mapping[str, Any],
    options: Options,
    *,
    text: str = "",
    cell_id: str | None = None,
    line: str = "",
    cluster: object = None,
) -> Search:
    """Return the search for a better `seed`, everything about it checked that can be without running anything.

    `cluster` is what `options.cluster` names, where it is no name of the notebook.

    Raises
    ------
    BadMetric, BadSeed, BadOption
        What does not fit, in one line.
    """
    origin = origin_of(text or (f"{line}\n{seed}" if line else seed), cell_id)
    path = notebook_path(namespace, os.environ)
    if options.seed is None:
        # A recording gives the same tree again, whatever the workers and the timing.
        options = replace(options, seed=recorded_seed(options.model, folder=notebook_folder(path)))
    name = options.name or (metric_name if metric_name.isidentifier() else "metric")
    cell = seed_names(seed)
    _check_name(options.name, cell.binds, namespace, metric_name)
    values = REGISTRY.values_before(namespace, cell.binds - REGISTRY.made_by(origin), origin)
    found = study(
        seed,
        metric,
        metric_name,
        namespace,
        options=options,
        made_here=REGISTRY.made_by(origin),
        goal="" if options.goal else markdown_above(path, cell_id, text),
        folder=Path.cwd(),
        values=values,
    )
    return Search(
        found=replace(found, notes=(*found.notes, *notes(options))),
        options=options,
        name=name,
        origin=origin,
        root=notebook_root(namespace),
        notebook=path.name if path else "",
        folder=notebook_folder(path),
        ideas=read_ideas(options.ideas, namespace, notebook_folder(path), condenses=is_language_model(options.model)),
        line=line,
        cluster=cluster_of(options.cluster, namespace) if cluster is None else cluster,
    )


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _check_name(given: str | None, binds: frozenset[str], namespace: Mapping[str, Any], metric: str) -> None:
    if given is None or given == metric:
        return
    if given in binds:
        raise BadOption(f"--name {given}: the cell defines {given} itself; choose another name for the run")
    if given in namespace and not isinstance(namespace[given], Run):
        raise BadOption(f"--name {given} would replace the notebook's {given}: choose another name for the run")
