"""The pictures of docs/view.md, taken anew: python -m tests.browser.pictures [docs/images]

Each shows the widget on the showcase run in a real JupyterLab; the saved page is what nbconvert makes of the notebook.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from PIL import Image

from score_nb.view.export import export
from tests.browser.lab import CHROMIUM_OPTIONS, ROOT, Lab, browser_path, server, write_notebook
from tests.browser.test_widget import PREPARE, seed_cell
from tests.support.showcase import begin

WIDTH, SCALE = 1420, 1.5


@contextmanager
def shown(browser: Any, address: str, folder: Path, options: str) -> Iterator[tuple[Lab, list[str]]]:
    """Yield JupyterLab with a run of these options in a notebook, the side bar closed."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 1000}, device_scale_factor=SCALE)
    lab = Lab(context.new_page(), address)
    name = f"pictures-{len(list(folder.glob('*.ipynb')))}.ipynb"
    ids = write_notebook(folder / name, PREPARE, seed_cell(options))
    lab.open(name)
    lab.js("if (!window.jupyterapp.shell.leftCollapsed) window.jupyterapp.shell.collapseLeft()")
    lab.run(ids[0])
    lab.wait_for_output(ids[0], "prepared")
    lab.run(ids[1])
    lab.widget.wait_for()
    yield lab, ids
    lab.shut_down_kernels()
    context.close()


def save(shot: bytes, path: Path) -> None:
    """Write the picture in a palette: a third of the size, no visible loss."""
    path.write_bytes(shot)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def take(browser: Any, address: str, folder: Path, target: Path) -> None:
    """Take all pictures."""
    # Slow enough to be still at work when the picture is taken, also on a busy machine.
    with shown(browser, address, folder, "nodes=90 pace=1.2 repeats=3 doubts=yes") as (lab, _):
        is_time = "() => /^6\\d of 90/.test(document.querySelectorAll('.snb-what')[2]?.innerText)"
        lab.page.wait_for_function(is_time, timeout=240_000)
        save(lab.widget.screenshot(), target / "widget-running.png")
    with shown(browser, address, folder, "nodes=70 pace=0.02 repeats=3 doubts=yes") as (lab, _):
        lab.wait_for_state("finished")
        select(lab, "doubted", "Numbers")
        save(lab.widget.screenshot(), target / "widget-doubt.png")
    with shown(browser, address, folder, "nodes=90 pace=0.02") as (lab, ids):
        lab.wait_for_state("finished")
        lab.page.wait_for_timeout(2_500)
        save(lab.widget.screenshot(), target / "widget-light.png")
        lab.theme("JupyterLab Dark")
        save(lab.widget.screenshot(), target / "widget-dark.png")
        lab.theme("JupyterLab Light")
        lab.save()
        take_saved(browser, folder, lab, ids[1], target / "widget-saved.png")
    # Of so many candidates one has raised an error.
    with shown(browser, address, folder, "nodes=200 pace=0.005") as (lab, _):
        lab.wait_for_state("finished")
        select(lab, "error", "Log")
        lab.widget.get_by_text("Traceback (most recent call last)").first.wait_for()
        save(lab.widget.screenshot(), target / "widget-log.png")


def select(lab: Lab, word: str, tab: str) -> None:
    """Select the first candidate of which `word` is said, and show one side of it."""
    find = lab.widget.get_by_role("searchbox")
    find.fill(word)
    find.press("Enter")
    find.fill("")
    lab.widget.get_by_role("tab", name=tab).click()
    lab.page.wait_for_timeout(800)


def take_narrow(browser: Any, folder: Path, target: Path) -> None:
    """Show an exported page as wide as a phone."""
    run = begin(folder, nodes=70, proposal_s=0.001, evaluation_s=0.001, repeats=3, is_doubtful=True)
    run.wait()
    export(run.snapshot(), folder / "run.html")
    page = browser.new_page(viewport={"width": 400, "height": 900}, device_scale_factor=SCALE)
    page.goto((folder / "run.html").as_uri())
    page.locator(".snb-code").wait_for()
    page.wait_for_timeout(800)
    save(page.locator(".snb").screenshot(), target)
    page.close()


def take_saved(browser: Any, folder: Path, lab: Lab, cell_id: str, path: Path) -> None:
    """Show what `nbconvert --to html` makes of the saved notebook, without any script or server."""
    notebook = nbformat.read(folder / lab.js("return panel.context.path"), as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell["id"] == cell_id]
    notebook.metadata.pop("widgets", None)
    body, _ = HTMLExporter().from_notebook_node(notebook)
    # Wide enough for the curve beside the tree.
    view = {"width": 1240, "height": 900}
    page = browser.new_page(viewport=view, device_scale_factor=SCALE, java_script_enabled=False)
    page.set_content(body)
    save(page.locator(".jp-OutputArea").first.screenshot(), path)
    page.close()


def main() -> None:
    """Take the pictures into the folder that is named, docs/images by default."""
    from playwright.sync_api import sync_playwright

    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        folder = Path(home) / "notebooks"
        folder.mkdir()
        with server(folder, scratch=Path(home) / "scratch") as address:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=CHROMIUM_OPTIONS)
            take_narrow(browser, Path(home), target / "widget-narrow.png")
            take(browser, address, folder, target)
            browser.close()


if __name__ == "__main__":
    main()
