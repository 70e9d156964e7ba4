"""The command `score-nb`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import score_nb
from score_nb.batch import stored
from score_nb.cell.options import BY_FLAG, add_arguments, given_arguments, parse_options, to_line
from score_nb.errors import ScoreError, did_you_mean

DONE, FAILED, NO_GAIN, INTERRUPTED = 0, 1, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed (with one line that says why), 3 no gain."""
    _write_what_can_be_written()
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    _take_output(parser, arguments, rest)
    try:
        code: int = arguments.action(arguments)
    except ScoreError as error:
        print(f"score-nb: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("score-nb: interrupted; what was scored is kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        return code
    return DONE


def _run(arguments: argparse.Namespace) -> int:
    from score_nb.batch.headless import Job, run_notebook

    sources: list[Path] = arguments.notebooks
    if len(sources) > 2 or arguments.jobs or arguments.sets or arguments.into:
        return _run_jobs(arguments)
    job = Job(
        source=sources[0],
        target=sources[1] if len(sources) > 1 else sources[0].with_name(f"{sources[0].stem}.out.ipynb"),
        parameters={name: _value(text) for name, text in arguments.parameters},
        options=given_arguments(arguments),
        accept=arguments.accept,
        folder=arguments.cwd,
        kernel=arguments.kernel,
    )
    results = run_notebook(job)
    for result in results:
        print(result.words)
    print(f"notebook: {job.target}")
    if arguments.require_gain and not any(result.has_gain for result in results):
        print("score-nb: no candidate beat the seed (--require-gain)", file=sys.stderr)
        return NO_GAIN
    return DONE


def _run_jobs(arguments: argparse.Namespace) -> int:
    from score_nb.batch import jobs

    sets = jobs.read_sets(arguments.sets) if arguments.sets else []
    for given in sets:
        options = [f"{flag}={value}" for flag, value in given.items() if flag.startswith("--")]
        parse_options(shlex.join(options))  # a wrong one is told once, before anything runs
    found = jobs.batch_jobs(arguments.notebooks, arguments.into, sets)
    print(f"score-nb: {len(found)} jobs", file=sys.stderr)
    outcomes = jobs.run_jobs(found, arguments.jobs, _passed_on(arguments))
    print(jobs.table(outcomes))
    codes = {outcome.code for outcome in outcomes}
    if codes - {DONE, NO_GAIN}:
        failed = sum(outcome.code not in (DONE, NO_GAIN) for outcome in outcomes)
        print(f"score-nb: {failed} of {len(outcomes)} jobs failed, see above", file=sys.stderr)
        return FAILED
    return NO_GAIN if NO_GAIN in codes else DONE


def _passed_on(arguments: argparse.Namespace) -> list[str]:
    """Return what each of several jobs is given of the command line."""
    words = shlex.split(to_line(given_arguments(arguments)))
    for name, value in arguments.parameters:
        words += ["-p", name, value]
    words += [flag for flag in ("--accept", "--require-gain") if getattr(arguments, flag[2:].replace("-", "_"))]
    for flag, value in (("--cwd", arguments.cwd), ("--kernel", arguments.kernel)):
        words += [flag, str(value)] if value is not None else []
    return words


def _convert(arguments: argparse.Namespace) -> int:
    from score_nb.batch.headless import convert_notebook

    target = arguments.output or arguments.input.with_name(f"{arguments.input.stem}.score.ipynb")
    for sentence in convert_notebook(arguments.input, target):
        print(sentence)
    print(f"notebook: {target}")
    return DONE


def _runs(arguments: argparse.Namespace) -> int:
    print(stored.listing(arguments.path))
    return DONE


def _show(arguments: argparse.Namespace) -> int:
    from score_nb.view.text import summary_text

    print(summary_text(stored.find(arguments.run, arguments.path)))
    return DONE


def _export(arguments: argparse.Namespace) -> int:
    from score_nb.view.export import export

    export(stored.find(arguments.run, arguments.path), arguments.file)
    print(arguments.file)
    return DONE


def _record(arguments: argparse.Namespace) -> int:
    print(stored.record_replies(arguments.run, arguments.path, arguments.file))
    return DONE


def _doctor(arguments: argparse.Namespace) -> int:
    from score_nb.batch import doctor

    findings = doctor.examine()
    print(doctor.to_json(findings) if arguments.json else doctor.to_text(findings))
    return DONE


def _demo(arguments: argparse.Namespace) -> int:
    from score_nb.batch import demo

    return demo.run_headless(arguments.folder) if arguments.headless else demo.open_lab(arguments.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="score-nb", description="Score-driven discovery in notebooks, without a browser.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"score-nb {score_nb.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    convert = _command(commands, "convert", _convert, "write a notebook in ERA's format as one with a %%score cell")
    convert.add_argument("input", type=Path, metavar="IN.ipynb")
    convert.add_argument("output", type=Path, metavar="OUT.ipynb", nargs="?", help="default: IN.score.ipynb")
    _add_stored(commands)

    doctor = _command(commands, "doctor", _doctor, "what this machine can do: confinement, model, packages, extension")
    doctor.add_argument("--json", action="store_true", help="as JSON")

    demo = _command(commands, "demo", _demo, "open JupyterLab on a copy of the example notebooks")
    demo.add_argument("--headless", action="store_true", help="run the first example without a browser")
    demo.add_argument("--folder", type=Path, default=Path("demo"), help="where the copies go (default: demo)")
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(commands, "run", _run, "run a notebook with papermill; its %%score cells wait for their searches")
    run.add_argument(
        "notebooks",
        type=Path,
        metavar="IN.ipynb [OUT.ipynb]",
        nargs="+",
        help="default output: IN.out.ipynb beside the input; with --jobs, --sets or --into, and where there are more "
        "than two, all are inputs",
    )
    run.add_argument(
        "-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
        help="a parameter of the notebook; may be repeated",
    )  # fmt: skip
    run.add_argument(
        "--accept", action="store_true", help="put the best candidate into the seed cell and go on with it"
    )
    run.add_argument("--require-gain", action="store_true", help="exit 3 where no candidate beat the seed")
    run.add_argument("--jobs", type=_count, metavar="N", help="run several notebooks or sets of parameters, N at once")
    run.add_argument(
        "--sets", type=Path, metavar="FILE",
        help="sets of parameters, one job each: .csv with a header, .yaml or .json; a column `name` names them, "
             "columns that begin with -- are options of %%%%score",
    )  # fmt: skip
    run.add_argument("--into", type=Path, metavar="FOLDER", help="folder for the outputs of several jobs")
    run.add_argument("--cwd", type=Path, help="working folder of the notebook (default: the folder of the input)")
    run.add_argument("--kernel", help="name of the kernel (default: the notebook's own)")
    add_arguments(run)


def _add_stored(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    runs = _command(commands, "runs", _runs, "list the stored runs beside the notebooks of a folder")
    runs.add_argument("path", nargs="?", type=Path, default=Path(), metavar="PATH", help="a folder or a notebook")
    show = _command(commands, "show", _show, "show a stored run as text: numbers, curve, tree")
    export = _command(commands, "export", _export, "write a stored run to .html, .ipynb, .json, .csv or .py")
    record = _command(commands, "record", _record, "record a run's model replies, for --model replay:FILE")
    for command in (show, export, record):
        command.add_argument("run", metavar="RUN", help="name, id or folder of the run")
        if command is not show:
            command.add_argument("file", type=Path, metavar="FILE")
        command.add_argument("--path", type=Path, default=Path(), help="folder of the notebook (default: this one)")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, action: object, meaning: str
) -> argparse.ArgumentParser:
    # `help` is a format, `description` is not.
    parser = commands.add_parser(name, help=meaning.replace("%", "%%"), description=meaning, allow_abbrev=False)
    parser.set_defaults(action=action, command=name)
    return parser


def _take_output(parser: argparse.ArgumentParser, arguments: argparse.Namespace, rest: list[str]) -> None:
    """Take notebooks that stand behind options, which argparse does not; refuse all else, with an answer."""
    while arguments.command == "run" and rest and not rest[0].startswith("-"):
        arguments.notebooks.append(Path(rest.pop(0)))
    if rest:
        known = (
            *BY_FLAG,
            "--accept",
            "--require-gain",
            "--jobs",
            "--sets",
            "--into",
            "--cwd",
            "--kernel",
            "--json",
            "--headless",
            "--folder",
            "--path",
        )
        parser.error(f"{rest[0]} is not understood.{did_you_mean(rest[0].partition('=')[0], known)}")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _value(text: str) -> object:
    """Return a parameter as Python reads it where it is a number or a constant, else the text."""
    constants = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in constants:
        return constants[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _write_what_can_be_written() -> None:
    """Let a terminal without Unicode show a question mark instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
