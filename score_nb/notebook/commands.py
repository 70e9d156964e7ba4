"""What `%score WORD` does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from score_nb.cell.options import to_line
from score_nb.config import Options
from score_nb.errors import BadOption, RunNotFound, ScoreError
from score_nb.notebook.history import origin_of
from score_nb.notebook.listing import RunList, listed
from score_nb.notebook.reading import found_papers
from score_nb.notebook.registry import REGISTRY, Started, notebook_root
from score_nb.notebook.watching import Cell, display_run, follow, raise_if_failed, say
from score_nb.run.run import Run
from score_nb.run.start import open_stored
from score_nb.store.runs import find_run, stored_runs

HELP = """%score [WORD ...]

Steer the runs of this notebook.  RUN is a name, the latest run where it is left out; NODE a number, `seed` or `best`.

%score                        list the runs: name, state, nodes, best, gain, cost
%score show [RUN]             show the run again, anywhere
%score pause|resume|stop [RUN]
%score wait [RUN]             wait until the run has ended; Interrupt stops it
%score accept [RUN] [NODE]    turn this cell into the accepted one, the best where no node is named
%score diff [RUN] [A] [B]     what changed from A (the seed) to B (the best)
%score code [RUN] [NODE]      the source of a node
%score idea TEXT              have an idea tried
%score idea --search WORDS [--most N]  find papers (Europe PMC, arXiv); the run at work tries each
%score expand NODE [TEXT]     ask for a child of that node, with a hint
%score drop [RUN] NODE        give up a node and all below it: not expanded any more, and not the best
%score evaluate [RUN] NODE [K]  evaluate a node K times more (3): its value is the mean, and some doubts are answered
%score allow [RUN] NODE       let a node be the best in spite of its flags
%score pin [RUN] NODE         let a node be the best whatever the values say; `%score pin [RUN] off` takes that back
%score ablate [RUN] [NODE] [K]  which edits on the way to a node matter: each taken back alone and scored (K times)
%score export [RUN] FILE      write the run to .html, .ipynb, .json, .csv or .py
%score doctor                 what this machine can do
"""

# What a reader of the `%%score` line would miss; workers, model and waiting are matters of the machine.
_LINE_FIELDS = ("direction", "nodes", "minutes", "holdout", "repeats", "share", "hide", "policy", "seed", "goal")
_NAMED = {"seed": 0, "best": None}


@dataclass(frozen=True, slots=True)
class Asked:
    """What stood behind the word, and where."""

    shell: Any
    cell: Cell
    rest: str


def show_list(asked: Asked) -> RunList:
    """Return the runs of the notebook as a table."""
    return listed(notebook_root(asked.shell.user_ns), [started.run for started in REGISTRY.started])


def show(asked: Asked) -> None:
    """Show a run as its cell does."""
    started, _ = _run(asked)
    if asked.cell.audience == "page":
        from score_nb.notebook.widget import show as show_widget

        show_widget(started.run, cell_id=started.origin.cell_id, seed_text=None)
        started.run.follow()  # it may be at work in another kernel
    else:
        display_run(started.run)


def pause(asked: Asked) -> None:
    """Ask for nothing more until `resume`."""
    run = _run(asked)[0].run
    run.pause()
    say(f"{run.name} pauses: what is at work is finished, %score resume goes on")


def resume(asked: Asked) -> None:
    """Go on after a pause."""
    run = _run(asked)[0].run
    run.resume()
    say(f"{run.name} goes on")


def stop(asked: Asked) -> None:
    """End a run."""
    run = _run(asked)[0].run
    if not run.is_live:
        is_elsewhere = run.state in ("running", "paused")
        say(f"{run.name} is {run.state} " + ("in another kernel: stop it there" if is_elsewhere else "already"))
        return
    run.stop()
    run.wait(STOP_S)
    raise_if_failed(run)
    say(f"{run.name} stopped: all results are kept, running its cell again goes on")


def wait(asked: Asked) -> None:
    """Block until a run has ended, and raise if it failed."""
    started, _ = _run(asked)
    run = started.run
    follow(run, say, leave_pauses=asked.cell.audience == "nobody", known=run.snapshot().warnings)
    raise_if_failed(run)


def accept(asked: Asked) -> None:
    """Turn the cell that holds this line into the accepted cell."""
    started, words = _run(asked)
    run = started.run
    node = run.node(_node(words, 0, None))
    asked.shell.set_next_input(f"{_line(started)}\n{node.source}\n", replace=True)
    run.accept_marked(node.index)
    say(f"node {node.index} of {run.name} accepted: run this cell to use it")


def diff(asked: Asked) -> None:
    """Print what changed between two nodes."""
    started, words = _run(asked)
    say(started.run.diff(_node(words, 0, 0), _node(words, 1, None)) or "no difference")


def code(asked: Asked) -> None:
    """Print a node's source."""
    started, words = _run(asked)
    say(started.run.code(_node(words, 0, None)))


def idea(asked: Asked) -> Any:
    """Add an idea to the latest run, or the papers that a search finds; these are returned, too."""
    text = _unquoted(asked.rest)
    if text.startswith("--"):
        started = REGISTRY.latest()
        papers, said = found_papers(text, started.run if started else None)
        for sentence in said:
            say(sentence)
        return papers
    if not text:
        raise BadOption("say the idea: %score idea TEXT")
    run = _latest().run
    run.add_idea(text)
    say(f"{run.name} will try it")
    return None


def expand(asked: Asked) -> None:
    """Ask for a child of a node of the latest run."""
    word, _, hint = asked.rest.partition(" ")
    if not word:
        raise BadOption("name the node: %score expand NODE [TEXT]")
    run = _latest().run
    index = run.node(_index(word)).index
    run.expand(index, _unquoted(hint))
    say(f"{run.name} will expand node {index}")


def evaluate(asked: Asked) -> None:
    """Evaluate a node further, on fresh random seeds."""
    started, words = _run(asked)
    run, index = started.run, _node(words, 0, None)
    more = _whole(words[1]) if len(words) > 1 else REPEATS
    node = run.node(index)
    run.evaluate(node, more)
    say(f"node {node.index} of {run.name} is evaluated {more} times more")


def drop(asked: Asked) -> None:
    """Give up a branch."""
    started, words = _run(asked)
    if not words:
        raise BadOption("name the node: %score drop [RUN] NODE")
    run = started.run
    node = run.node(_node(words, 0, None))
    run.drop(node)
    below = len(run.snapshot().branch(node.index)) - 1
    say(
        f"node {node.index} of {run.name} and {below} below it are given up"
        if below
        else f"node {node.index} is given up"
    )


def allow(asked: Asked) -> None:
    """Let a node be the best in spite of its flags."""
    started, words = _run(asked)
    if not words:
        raise BadOption("name the node: %score allow [RUN] NODE")
    run = started.run
    node = run.node(_node(words, 0, None))
    if not node.flags:
        say(f"node {node.index} of {run.name} has no flags: nothing keeps it from being the best")
        return
    run.allow(node)
    say(f"node {node.index} of {run.name} may be the best, although: {'; '.join(flag.detail for flag in node.flags)}")


def pin(asked: Asked) -> None:
    """Let a node be the best whatever the values say, or leave it to the values again."""
    words = _words(asked)
    if not words:
        raise BadOption("name the node: %score pin [RUN] NODE, or %score pin [RUN] off")
    if words[-1] == "off":
        run = (_named(words[0], asked) if len(words) > 1 else _latest(asked)).run
        run.pin(None)
        say(f"the best of {run.name} is the node of the best value again")
        return
    started, words = _run(asked)
    run = started.run
    node = run.node(_node(words, 0, None))
    run.pin(node)
    say(f"node {node.index} of {run.name} is the best until you take that back: %score pin off")


def ablate(asked: Asked) -> Any:
    """Return the table of the edits on the way to a node."""
    from score_nb.notebook.ablation import ablate as table

    started, words = _run(asked)
    run, index = started.run, _node(words, 0, None)
    repeats = _whole(words[1]) if len(words) > 1 else 1
    steps = len(run.snapshot().lineage(run.node(index).index))
    say(f"{steps} cells are evaluated" + (f" {repeats} times each" if repeats > 1 else ""))
    return table(run, index, repeats=repeats, namespace=asked.shell.user_ns)


def export(asked: Asked) -> None:
    """Write a run to a file, in the format that its ending names."""
    from score_nb.view.export import export as write

    words = _words(asked)
    if not words or len(words) > 2:
        raise BadOption("name the file: %score export [RUN] FILE (.html, .ipynb, .json, .csv or .py)")
    started = _named(words[0], asked) if len(words) == 2 else _latest(asked)
    path = Path(words[-1]).expanduser()
    write(started.run.snapshot(), path)
    say(f"{started.run.name} written to {path}")


def doctor(asked: Asked) -> None:
    """Print what this machine can do, as `score-nb doctor` finds it."""
    # A process of its own: the probe of confinement should not start from a kernel full of threads.
    command = [sys.executable, "-c", "from score_nb.batch.cli import main; raise SystemExit(main(['doctor']))"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    say((found.stdout or found.stderr).rstrip())


COMMANDS: Mapping[str, Callable[[Asked], Any]] = MappingProxyType(
    {
        "list": show_list, "show": show, "pause": pause, "resume": resume, "stop": stop, "wait": wait,
        "accept": accept, "diff": diff, "code": code, "idea": idea, "expand": expand, "drop": drop,
        "evaluate": evaluate, "allow": allow, "pin": pin, "ablate": ablate, "export": export, "doctor": doctor,
    }
)  # fmt: skip
STOP_S = 30.0
REPEATS = 3


def _words(asked: Asked) -> list[str]:
    try:
        return shlex.split(asked.rest)
    except ValueError:
        raise BadOption(f"a quote is not closed in: {asked.rest}") from None


def _run(asked: Asked) -> tuple[Started, list[str]]:
    """Return the run that is named, the latest where none is, and the words behind its name."""
    words = _words(asked)
    if words and not words[0].lstrip("-").isdigit() and words[0] not in _NAMED:
        return _named(words[0], asked), words[1:]
    return _latest(asked), words


def _named(name: str, asked: Asked) -> Started:
    started = REGISTRY.find(name)
    return started or _stored(open_stored(find_run(notebook_root(asked.shell.user_ns), name).folder))


def _latest(asked: Asked | None = None) -> Started:
    started = REGISTRY.latest()
    if started is not None:
        return started
    stored = stored_runs(notebook_root(asked.shell.user_ns)) if asked is not None else []
    if not stored:
        raise RunNotFound("there is no run yet: write %%score METRIC over a cell and run it")
    return _stored(open_stored(stored[-1].folder))


def _stored(run: Run) -> Started:
    return Started(run, origin_of(run.task.seed))


def _line(started: Started) -> str:
    """Return the `%%score` line that began the run, written anew where only the store knows it."""
    if started.line:
        return started.line
    run, defaults = started.run, Options()
    stored = {name: run.options.get(name) for name in _LINE_FIELDS}
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
    line = to_line({name: value for name, value in given.items() if value != getattr(defaults, name)})
    named = "" if run.name == run.task.metric else f"--name={run.name}"
    return " ".join(part for part in ("%%score", run.task.metric, line, named) if part)


def _node(words: list[str], position: int, default: int | None) -> int | None:
    return _index(words[position]) if len(words) > position else default


def _index(word: str) -> int | None:
    if word in _NAMED:
        return _NAMED[word]
    try:
        return int(word)
    except ValueError:
        raise ScoreError(f"{word} is no node: give its number, `seed` or `best`") from None


def _whole(word: str) -> int:
    if not word.isdigit() or int(word) < 1:
        raise BadOption(f"{word} is no number of evaluations: give a whole number of at least 1")
    return int(word)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
