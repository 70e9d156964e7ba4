"""Build Binder's environment from exactly its files, in a clean virtual environment, and use it as a visitor would.

    python .ci/binder.py [--home FOLDER] [--notebook 01]...    build, open JupyterLab, run notebooks headless
    python .ci/binder.py --lock [--home FOLDER]                write binder/requirements.txt anew first

There is no Node (a `node` that fails stands first on PATH) and no key; the notebooks run without a network
(`tests/support/cut_off.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "binder" / "requirements.txt"
FIRST = "example_notebooks/01_first_search.ipynb"
# Beside what pyproject.toml says that the examples need.
ASKED = ("jupyterlab>=4.4,<5", "ipykernel>=7.0.2")  # 7.0.0 and 7.0.1 lose the output of background threads
HEAD = """\
# What Binder installs before binder/postBuild installs this package itself.  Made by `python .ci/binder.py --lock`:
# what pip chose for {asked} and score-nb[examples], Python {python}, Linux.
"""


def python_of_binder() -> str:
    """Return the interpreter of the version that binder/runtime.txt names."""
    wanted = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    if "{}.{}".format(*sys.version_info) == wanted:
        return sys.executable
    found = shutil.which(f"python{wanted}")
    if found is None:
        sys.exit(f"binder/runtime.txt asks for Python {wanted}, and there is no python{wanted} on PATH")
    return found


def checkout(home: Path) -> Path:
    """Return a copy of what git would hand out: nothing that was built here is in it."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    copy = home / "checkout"
    for name in names.split("\0"):
        if name and (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def environment(home: Path) -> dict[str, str]:
    """Return the variables of a visitor: the environment's programs first, no Node, no key."""
    shims = home / "no-node"
    shims.mkdir()
    for name in ("node", "npm"):
        (shims / name).write_text("#!/bin/sh\necho 'there is no Node here' >&2\nexit 127\n")
        (shims / name).chmod(0o755)
    ours = ("OPENAI", "SCORE_NB", "PYTHON", "VIRTUAL_ENV", "JUPYTER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join([str(home / "venv" / "bin"), str(shims), os.environ["PATH"]])
    return {**kept, "PATH": path, "HOME": str(home), "JUPYTER_PLATFORM_DIRS": "1"}


def step(words: str, command: Sequence[str], env: dict[str, str], cwd: Path | None = None) -> None:
    """Run a command; say how long it took, or end with what it said last."""
    began = time.monotonic()
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=env, cwd=cwd,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-30:]
    if done.returncode:
        sys.exit("\n".join([*last, f"failed: {words} (exit code {done.returncode})"]))
    say(f"{time.monotonic() - began:6.1f} s  {words}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def lock(home: Path, env: dict[str, str], copy: Path) -> None:
    """Write down what pip installs for what is asked, this package left out."""
    pip = [str(home / "venv" / "bin" / "python"), "-m", "pip"]
    step("install what is asked for", [*pip, "install", *ASKED, f"{copy}[examples]"], env=env)
    frozen = subprocess.run([*pip, "freeze"], env=env, capture_output=True, text=True, check=True).stdout
    lines = sorted((line for line in frozen.splitlines() if not line.startswith("score-nb")), key=str.lower)
    strange = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)]
    if strange:
        sys.exit(f"not a version of a registry: {strange}")
    python = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    asked = ", ".join(ASKED)
    REQUIREMENTS.write_text(HEAD.format(asked=asked, python=python) + "\n".join(lines) + "\n")
    say(f"{len(lines)} packages: {REQUIREMENTS.relative_to(ROOT)}")


@contextlib.contextmanager
def jupyterlab(home: Path, env: dict[str, str], copy: Path) -> Iterator[str]:
    """Run JupyterLab on the checkout as Binder does, on a free port; yield its address once it answers."""
    log = home / "lab.log"
    options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root", "--IdentityProvider.token="]
    with log.open("wb") as sink:
        lab = subprocess.Popen(["jupyter", "lab", *options], cwd=copy, env=env, stdout=sink, stderr=sink)
    try:
        until = time.monotonic() + 120
        while lab.poll() is None and time.monotonic() < until:
            found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(errors="replace"))
            if found:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{found[0]}/api", timeout=30).close()
                    yield found[0]
                    return
            time.sleep(0.1)
        sys.exit(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
    finally:
        lab.terminate()
        lab.wait(30)


def open_first(home: Path, env: dict[str, str], copy: Path) -> None:
    """Open JupyterLab on the first notebook, as the link to Binder does."""
    began = time.monotonic()
    with jupyterlab(home, env, copy) as address:
        for place in (f"lab/tree/{FIRST}", f"api/contents/{FIRST}", "lab/extensions/score-nb/package.json"):
            with urllib.request.urlopen(f"{address}/{place}", timeout=60) as answer:
                if answer.status != 200:
                    sys.exit(f"{place}: {answer.status}")
    say(f"{time.monotonic() - began:6.1f} s  JupyterLab serves the first notebook, and the extension")


def main() -> None:
    """Build the environment and use it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="an empty folder for the environment; by default one that is deleted")
    parser.add_argument("--lock", action="store_true", help="write binder/requirements.txt anew, and do no more")
    parser.add_argument("--notebook", action="append", help="number of a notebook to run, or `all`; 01 by default")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = given.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="binder-")))
        home = home.resolve()
        home.mkdir(parents=True, exist_ok=True)
        if any(home.iterdir()):
            sys.exit(f"{home} is not empty")
        copy, env = checkout(home), environment(home)
        python = str(home / "venv" / "bin" / "python")
        step("make a clean environment", [python_of_binder(), "-m", "venv", str(home / "venv")], env=env)
        if given.lock:
            lock(home, env, copy)
            return
        requirements = str(copy / "binder" / "requirements.txt")
        step("install binder/requirements.txt", [python, "-m", "pip", "install", "-r", requirements], env=env)
        step("binder/postBuild", ["bash", "binder/postBuild"], cwd=copy, env=env)
        cut_off = [python, "tests/support/cut_off.py"]
        open_first(home, env, copy)
        wanted = given.notebook or ["01"]
        for notebook in sorted((copy / "example_notebooks").glob("0*.ipynb")):
            if "all" in wanted or notebook.name[:2] in wanted:
                run = ["score-nb", "run", str(notebook), str(home / notebook.name), "--require-gain"]
                step(f"{notebook.stem}, without a network", [*cut_off, *run], cwd=copy, env=env)


if __name__ == "__main__":
    main()
