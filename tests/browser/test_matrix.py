"""Older kernels beside the newest in one JupyterLab, and the oldest JupyterLab: what a hub may have installed.

`make matrix` runs these.  Each version is installed without its dependencies into `.matrix/` and put in front of this
environment's packages, which costs seconds instead of an environment each.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import test_magic
from tests.browser.lab import ROOT, Lab, busy_cell, server, write_notebook
from tests.browser.test_widget import PREPARE, seed_cell, undo_in_cell

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(240)]

# 6: no subshells.  7.0.1: no context in threads (Binder's base has it).  7.3, 7.4: subshells, which 7.4 pins.
KERNELS = ("6.31.0", "7.0.1", "7.3.0", "7.4.0")
OLDEST_LAB = "4.2.0"

# ipykernel 7.4 notes at each message to the page which shell sent it, and hands answers to that one.  Here it is at all
# times the main shell, which a cell holds: what is otherwise so for some milliseconds, as often as candidates come.
PINNED = """
import threading, time
from comm import get_comm_manager

def pin():
    while True:
        for comm in list(get_comm_manager().comms.values()):
            comm._reply_subshell_id = None
        time.sleep(0.01)

threading.Thread(target=pin, daemon=True).start()
"""

# Both bring nothing but a page: `jupyterlab-diff` puts its buttons into the other's footer.
REVIEWING = ("jupyterlab-diff==0.7.1", "jupyterlab-cell-input-footer==0.3.1")


@pytest.fixture(scope="module")
def installed() -> Callable[[str], Path]:
    """A function that returns the folder with that version of a package, alone."""
    wanted = [*(f"ipykernel=={version}" for version in KERNELS), f"jupyterlab=={OLDEST_LAB}", *REVIEWING]
    folder = ROOT / ".matrix"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    missing = [name for name in wanted if not (folder / name).exists()]
    # At the same time: what takes long is the index, not the machine.
    installing = [subprocess.Popen([*pip, str(folder / f"{name}.new"), name]) for name in missing]
    assert [process.wait() for process in installing] == [0] * len(missing)
    for name in missing:
        (folder / f"{name}.new").rename(folder / name)
    return folder.joinpath


@pytest.fixture(scope="module")
def several(
    browser: Any, installed: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """The folder and the address of the newest JupyterLab with all the kernels, and `jupyterlab-diff`."""
    folder = tmp_path_factory.mktemp("notebooks")
    kernels = {f"ipykernel-{version}": installed(f"ipykernel=={version}") for version in KERNELS}
    scratch = tmp_path_factory.mktemp("server")
    with server(folder, scratch=scratch, kernels=kernels, extensions=[*map(installed, REVIEWING)]) as address:
        yield folder, address


def opened(browser: Any, folder: Path, address: str, *cells: str, kernel: str = "python3") -> tuple[Lab, list[str]]:
    """Return JupyterLab with a notebook of these cells, of which the first has run."""
    lab = Lab(browser.new_context(viewport={"width": 1400, "height": 1000}).new_page(), address)
    name = f"{kernel}.ipynb"
    ids = write_notebook(folder / name, *cells, kernel=kernel)
    lab.open(name)
    lab.run(ids[0])
    lab.wait_for_output(ids[0], "prepared")
    return lab, ids


def accept_and_undo(lab: Lab, cell_id: str) -> None:
    before = lab.source(cell_id)
    lab.click("Accept best")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.source(cell_id) != before
    undo_in_cell(lab, cell_id)
    lab.wait_for_source(cell_id, before)


@pytest.mark.parametrize("version", KERNELS)
def test_a_kernel_tells_while_a_cell_runs_stops_and_accepts(
    several: tuple[Path, str], browser: Any, version: str
) -> None:
    tell = f"import ipykernel\nassert ipykernel.__version__ == {version!r}\n"
    free = several[0] / f"{version}.free"
    cells = (tell + PINNED + PREPARE, seed_cell("nodes=500 pace=0.2"), busy_cell(free.name))
    lab, ids = opened(browser, *several, *cells, kernel=f"ipykernel-{version}")
    lab.run(ids[1])
    lab.widget.wait_for()
    lab.wait_for_candidates(4)
    lab.run(ids[2])
    lab.page.wait_for_timeout(1_500)
    early = lab.candidates()
    lab.wait_for_candidates(early + 2)
    assert lab.is_running(ids[2]), "nothing came before the cell had ended"
    lab.click("Stop")
    if version.startswith("6."):
        lab.widget.get_by_text("this kernel acts on it when the cell that runs now has ended").wait_for()
        free.touch()
        lab.wait_for_state("stopped")
    else:
        lab.wait_for_state("stopped")
        assert lab.is_running(ids[2]), "Stop had to wait for the running cell"
        free.touch()
    lab.wait_for_output(ids[2], "free again")
    accept_and_undo(lab, ids[1])
    lab.close()


def test_where_jupyterlab_diff_is_installed_a_change_is_reviewed_in_the_cell(
    several: tuple[Path, str], browser: Any
) -> None:
    lab, ids = opened(browser, *several, PREPARE, seed_cell("nodes=14"))
    lab.run(ids[1])
    lab.widget.wait_for()
    lab.wait_for_state("finished")
    before = lab.source(ids[1])
    lab.click("More ways to accept")
    lab.widget.get_by_role("button", name="Review in the cell").click()
    # Its own buttons stand below the cell.
    footer = lab.page.locator(".jp-cellfooter:not(.lm-mod-hidden)")
    footer.get_by_text("Accept", exact=True).click()
    footer.wait_for(state="detached")
    after = lab.source(ids[1])
    assert after != before
    assert after.splitlines()[0] == before.splitlines()[0]
    # What was reviewed is a candidate's code, no edit: the next one is taken without a question.
    lab.widget.get_by_role("tree").focus()
    lab.page.keyboard.press("Home")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("ArrowRight")
    lab.click("Accept this")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    lab.close()


def test_the_oldest_jupyterlab_shows_the_run_live_and_accepts(
    browser: Any, installed: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    oldest = installed(f"jupyterlab=={OLDEST_LAB}")
    with server(folder, scratch=tmp_path / "server", jupyterlab=oldest) as address:
        lab, ids = opened(browser, folder, address, PREPARE, seed_cell("nodes=14"))
        assert lab.page.evaluate("() => window.jupyterapp.version") == OLDEST_LAB
        lab.run(ids[1])
        lab.widget.wait_for()
        lab.wait_for_state("finished")
        # That the extension is there shows in what only it does.
        lab.page.locator('[data-jp-item-name="score-nb-accept"]:not(.lm-mod-hidden)').first.wait_for()
        accept_and_undo(lab, ids[1])
        lab.close()


def test_where_nothing_of_ours_is_on_the_server_the_picture_and_the_magic_serve(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    cells = (test_magic.PREPARE, test_magic.SEED.format(nodes=4), "%score accept found")
    with server(folder, scratch=tmp_path / "server", disabled=["score-nb", "anywidget"]) as address:
        lab, ids = opened(browser, folder, address, *cells)
        lab.run(ids[1])
        lab.wait_for_output(ids[1], "The live view did not answer")
        lab.wait_for_output(ids[1], "4/4")
        lab.page.locator(".jp-OutputArea img").first.wait_for()
        lab.run(ids[2])
        lab.wait_for_source(ids[2], "def predict(X):")
        lab.close()
