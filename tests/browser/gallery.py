"""The gallery, from real runs: python -m tests.browser.gallery FOLDER [docs]

FOLDER holds executed notebooks with their runs, as `SCORE_NB_TEST_EXAMPLES_KEEP=FOLDER make examples` leaves them.
Each picture is the widget on the run as `%score export run.html` writes it, in Chromium; the text below is read from
the run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat

from score_nb.batch.results import results_in
from score_nb.record import Record
from score_nb.view.page import to_page
from score_nb.view.words import number
from tests.browser.lab import CHROMIUM_OPTIONS, ROOT, browser_path
from tests.browser.pictures import save

WIDTH, HEIGHT = 1180, 1000
HEAD = """\
# Gallery

The widget on the search of each [example](examples.md), as it ended on two cores, {}. The
[replies were recorded](examples.md#recorded-searches-of-a-language-model); every value was measured in the run that is
shown. The pictures are taken by `python -m tests.browser.gallery`, and the numbers below them read from these runs.
"""


def run_of(folder: Path, name: str) -> tuple[Record, str]:
    """Return the run of an executed notebook, and the day on which that was."""
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    (result,) = results_in(notebook, folder)
    return result.record, notebook.metadata.papermill.start_time[:10]


def picture(browser: Any, record: Record) -> bytes:
    """Return what the exported page shows of the run."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.set_content(to_page(record))
    page.locator("[role=tree] canvas").first.wait_for()
    page.wait_for_timeout(1_500)  # the tree comes to rest
    shot: bytes = page.locator(".snb").first.screenshot()
    page.close()
    return shot


def told(name: str, title: str, record: Record) -> str:
    """Return the section of one notebook."""
    seed, best = record.nodes[0], record.best
    assert best is not None
    failed = sum(not node.is_scored for node in record.nodes)
    words = (
        f"Validation {number(seed.value)} → **{number(best.value)}**, hold-out {number(seed.holdout)} → "
        f"**{number(best.holdout)}** ({record.direction}). {len(record.nodes)} candidates, {failed} without a value; "
        f"the best is number {best.index}."
    )
    image = f"![The widget on the run of {name}: tree, curve, and the difference of the best from the seed]"
    link = f"[The notebook](../example_notebooks/{name}.ipynb)"
    return f"\n## {title}\n\n{image}(images/gallery/{name}.png)\n\n{words} {link}.\n"


def main() -> None:
    """Take the pictures, and write the page."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]).resolve()
    docs = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs"
    pictures = docs / "images" / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    sections, days = [], set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=CHROMIUM_OPTIONS)
        for notebook in sorted((ROOT / "example_notebooks").glob("*.ipynb")):
            name = notebook.stem
            record, day = run_of(folder, name)
            save(picture(browser, record), pictures / f"{name}.png")
            title = nbformat.read(notebook, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
            sections.append(told(name, title, record))
            days.add(day)
        browser.close()
    (docs / "gallery.md").write_text(HEAD.format(" and ".join(sorted(days))) + "".join(sections), "utf-8")


if __name__ == "__main__":
    main()
