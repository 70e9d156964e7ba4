"""`%%score` and `%score`: read the line, hand it on, show what comes back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from score_nb.cell.options import help_text, merge, parse_line, parse_options
from score_nb.config import Options
from score_nb.errors import BadOption, BadSeed, ScoreError, did_you_mean
from score_nb.notebook import commands
from score_nb.notebook.accepting import comparison, measured_again
from score_nb.notebook.controller import bind
from score_nb.notebook.history import History, seed_body
from score_nb.notebook.metric import find_function
from score_nb.notebook.prepared import Search, plan
from score_nb.notebook.registry import REGISTRY, Started
from score_nb.notebook.settings import Score
from score_nb.notebook.watching import (
    Cell,
    current_cell,
    display_data,
    display_run,
    display_summary,
    follow,
    raise_if_failed,
    say,
)
from score_nb.run.run import Run

OPTIONS_VARIABLE = "SCORE_NB_OPTIONS"
ACCEPT_VARIABLE = "SCORE_NB_ACCEPT"


class ScoreMagics:
    """The two magics of one IPython."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.settings = Score(parent=shell)

    def cell_magic(self, line: str, cell: str) -> None:
        """Replaced by `help_text` below."""
        asked = parse_line(line)
        options = merge(self.settings.given(), asked.given, _from_environment())
        here = self._here()
        metric = find_function(asked.metric, self.shell.user_ns)
        seed = _seed(here, cell)
        written = here.text.lstrip("\n").partition("\n")[0] if here.text else f"%%score {line}".rstrip()
        prepared = plan(
            metric, asked.metric, seed, self.shell.user_ns, options, text=here.text, cell_id=here.cell_id, line=written
        )
        if options.dry_run:
            self._rehearse(prepared, seed, here)
            return
        started, said = self._begin(prepared, seed, begins_anew=here.audience == "nobody")
        bind(started.run, self.shell.user_ns, options.name)
        for sentence in (*prepared.found.notes, *said):
            say(sentence)
        _show(started, here, options)
        # The cells below a stub could do nothing with it.
        if os.environ.get(ACCEPT_VARIABLE) == "1" or (options.stub and here.audience == "nobody"):
            self._accept(started.run, prepared)

    def line_magic(self, line: str) -> Any:
        """Replaced by `commands.HELP` below."""
        word, _, rest = line.strip().partition(" ")
        command = commands.COMMANDS.get(word or "list")
        if command is None:
            near = did_you_mean(word, commands.COMMANDS)
            raise BadOption(f"%score knows no {word}.{near or ' It knows ' + ', '.join(commands.COMMANDS)}")
        return command(commands.Asked(self.shell, self._here(), rest.strip()))

    def _accept(self, run: Run, search: Search) -> None:
        """Run the best candidate in the kernel, as `score-nb run --accept` asks: the cells below then work with it."""
        best = run.best
        if run.is_live or best is None or best.index == 0:
            return
        say(f"node {best.index} of {run.name} is accepted: it is run here, so that the cells below work with it")
        run.accept_marked(best.index)
        result = self.shell.run_cell(best.source)
        if not result.success:
            raise ScoreError(f"the accepted node {best.index} of {run.name} failed in the kernel, see above")
        record = run.snapshot()
        again = measured_again(search, record, best, self.shell.user_ns)
        say(comparison(record, best, again))
        display_data(f"{run.name}.accepted", {"node": best.index, "value": best.value, "measured": again.value})

    def _here(self) -> Cell:
        return current_cell(self.shell, REGISTRY.history.running if REGISTRY.history else ("", None))

    def _rehearse(self, prepared: Search, seed: str, here: Cell) -> None:
        """Run the cell as any cell, and show what a search would begin with."""
        from IPython.display import display

        from score_nb.notebook.dryrun import preview

        shown = preview(prepared)
        _run_seed(self.shell, seed)
        if here.audience == "page":
            display(shown)  # type: ignore[no-untyped-call]
        else:
            say(repr(shown))

    def _begin(self, prepared: Search, seed: str, *, begins_anew: bool) -> tuple[Started, list[str]]:
        """Copy the inputs, run the seed as any cell, start the run; nothing is started where the seed fails."""
        try:
            if prepared.live_twin() is None or prepared.options.fresh:
                prepared.prepare()
            _run_seed(self.shell, seed)
            started, said = prepared.start(begins_anew=begins_anew)
            return started, [*_changed_in_place(prepared, self.shell.user_ns), *said]
        finally:
            prepared.close()


ScoreMagics.cell_magic.__doc__ = help_text()
ScoreMagics.line_magic.__doc__ = commands.HELP


def load(shell: Any) -> None:
    """Put the magics and the settings into `shell`, and watch from now on which cell binds which name."""
    unload(shell)
    magics = ScoreMagics(shell)
    shell.register_magic_function(magics.cell_magic, "cell", "score")
    shell.register_magic_function(magics.line_magic, "line", "score")
    shell.configurables.append(magics.settings)
    REGISTRY.history = History(shell)
    REGISTRY.history.watch()


def unload(shell: Any) -> None:
    """Take them out again; runs at work go on."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("score", None)
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, Score)]
    if REGISTRY.history is not None:
        REGISTRY.history.unwatch()
        REGISTRY.history = None


def _from_environment() -> Any:
    try:
        return parse_options(os.environ.get(OPTIONS_VARIABLE, ""))
    except BadOption as error:
        raise BadOption(f"in {OPTIONS_VARIABLE}: {error}") from None


def _run_seed(shell: Any, seed: str) -> None:
    result = shell.run_cell(seed)
    if not result.success:
        error = result.error_before_exec or result.error_in_exec
        raise BadSeed(f"the cell failed ({type(error).__name__}, see above): no search was started")


def _seed(here: Cell, cell: str) -> str:
    """Return the cell below its magic; `cell` has a newline more than what the front end holds."""
    body = seed_body(here.text)
    return (body if here.text and body.strip() == cell.strip() else cell).strip("\n")


def _changed_in_place(prepared: Search, namespace: Mapping[str, Any]) -> list[str]:
    changed = prepared.found.changed_inputs(namespace)
    if not changed:
        return []
    names = ", ".join(changed)
    return [
        f"the cell changes {names} in place; candidates get {names} as it was before. Begin the cell with a copy, such "
        f"as {changed[0]} = {changed[0]}.copy(): running it again then finds the same data and goes on with this run"
    ]


def _show(started: Started, here: Cell, options: Options) -> None:
    """Show the run, and wait for its end where that is asked for or nobody watches."""
    run = started.run
    if here.audience == "page":
        from score_nb.notebook.widget import show

        show(run, cell_id=here.cell_id, seed_text=here.text)
    wait = options.wait if options.wait is not None else here.audience == "nobody"
    if not wait:
        if here.audience != "page":
            for warning in set(run.snapshot().warnings) - set(started.told):
                say(warning)
            say(f"{run!r}: %score show, %score wait, %score stop")
        return
    try:
        follow(
            run, None if here.audience == "page" else say, leave_pauses=here.audience == "nobody", known=started.told
        )
    finally:
        if here.audience == "nobody":
            display_summary(run)
        if here.audience != "page":
            display_run(run)
    raise_if_failed(run)
