"""The example notebooks, copied to where one may change them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import score_nb
from score_nb.errors import ScoreError

FIRST = "01_first_search.ipynb"


def examples() -> list[Path]:
    """Return the example notebooks: of the installed package, or of the repository it is run from.

    Raises
    ------
    ScoreError
        There are none.
    """
    package = Path(score_nb.__file__).parent
    for folder in (package / "examples", package.parent / "example_notebooks"):
        found = sorted(folder.glob("*.ipynb"))
        if found:
            return found
    raise ScoreError("this installation has no example notebooks: install score-nb from its wheel or repository")


def recordings() -> list[Path]:
    """Return the recorded replies that the example notebooks replay."""
    return sorted(examples()[0].parent.glob("recordings/*.jsonl"))


def copy_examples(folder: Path) -> tuple[Path, list[str]]:
    """Copy the examples into `folder` and return the first one, and the names of those that were left as they are.

    A copy that differs from its original belongs to the user.
    """
    (folder / "recordings").mkdir(parents=True, exist_ok=True)
    kept = []
    originals = examples()
    for original in [*originals, *recordings()]:
        name = original.relative_to(originals[0].parent)
        copy = folder / name
        if copy.exists() and copy.read_bytes() != original.read_bytes():
            kept.append(str(name))
        else:
            copy.write_bytes(original.read_bytes())
    return folder / FIRST, kept


def open_lab(folder: Path) -> int:
    """Open JupyterLab on a copy of the first example and return its exit code."""
    _need("jupyterlab", "the demo opens JupyterLab")
    first = _prepare(folder)
    command = [sys.executable, "-m", "jupyterlab", str(first)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # JupyterLab refuses root by default; in a container there is often nobody else.
        command.append("--allow-root")
    return subprocess.call(command)


def run_headless(folder: Path) -> int:
    """Run a copy of the first example without a browser, print what it found, and return 0."""
    from score_nb.batch.headless import Job, run_notebook

    _need("scanpy", "the first example reads single-cell data")
    first = _prepare(folder)
    target = first.with_name(f"{first.stem}.out.ipynb")
    for result in run_notebook(Job(source=first, target=target)):
        print(result.words)
    print(f"result: {target}")
    return 0


def _prepare(folder: Path) -> Path:
    try:
        first, kept = copy_examples(folder)
    except OSError as error:
        raise ScoreError(f"cannot write to {folder} ({error.strerror}): choose another --folder") from error
    for name in kept:
        print(
            f"score-nb: {folder / name} was changed and is left as it is; delete it to get the original",
            file=sys.stderr,
        )
    return first


def _need(package: str, why: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ScoreError(f"{why}, and {package} is not installed: pip install 'score-nb[examples]'")
