"""docs/first-ten-minutes.md as it is read, with the times: python -m tests.browser.first_ten_minutes FOLDER [install]

Clones this repository into FOLDER, runs `make demo` there, and does with Chromium in that JupyterLab what the page
says: the first example, then a notebook of one's own with the cells of the page, whose table is simulated here.  Mouse
and keyboard only; each step waits for what a reader would wait for.  `install` ends before JupyterLab is opened; the
next call on the same FOLDER goes on there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.browser.lab import CHROMIUM_OPTIONS, ROOT, browser_path

PAGE = ROOT / "docs" / "first-ten-minutes.md"
LONGEST_S = 900
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def cells() -> list[str]:
    """Return the cells that the page tells a reader to write."""
    own = PAGE.read_text("utf-8").partition("## 3.")[2]
    return re.findall(r"```python\n(.*?)\n```", own, re.S)


def reactions() -> pd.DataFrame:
    """Return the simulated table: the yield has an optimum in temperature that depends on the solvent."""
    rng, n = np.random.default_rng(3), 420
    table = pd.DataFrame(
        {
            "temperature": rng.uniform(20, 110, n).round(1), "hours": rng.uniform(0.5, 24, n).round(1),
            "ligand": rng.choice(["PPh3", "XPhos", "SPhos", "dppf"], n),
            "solvent": rng.choice(["toluene", "DMF", "THF"], n), "loading": rng.choice([0.5, 1, 2, 5], n),
        }
    )  # fmt: skip
    ligand = table.ligand.map({"PPh3": -10, "XPhos": 14, "SPhos": 8, "dppf": 0})
    solvent = table.solvent.map({"toluene": 4, "DMF": 0, "THF": -6})
    away = (table.temperature - table.solvent.map({"toluene": 90, "DMF": 75, "THF": 60})) / 14
    lost = 0.02 * table.hours * np.maximum(0, table.temperature - 80)
    gained = 9 * np.log(table.hours) + 3 * np.log(table.loading)
    value = 60 + ligand + solvent - away**2 + gained - lost + rng.normal(0, 4, n)
    table["yield_percent"] = value.clip(0, 100).round(1)
    return table


class Clock:
    """Says what was reached, how long it took, and how long all took."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()

    def say(self, words: str) -> None:
        """Print a step as a row of a table."""
        now = time.monotonic()
        sys.stdout.write(f"| {words} | {minutes(now - self.last)} | {minutes(now - self.began)} |\n")
        sys.stdout.flush()
        self.last = now


def minutes(seconds: float) -> str:
    """Return 3:07 for 187 seconds."""
    return "{}:{:02}".format(*divmod(round(seconds), 60))


def opened(note: Path, log: Path, demo: subprocess.Popen[bytes]) -> str:
    """Return the page that `make demo` gives the browser."""
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until and demo.poll() is None:
        if note.exists():
            return note.read_text().strip()
        time.sleep(0.2)
    sys.exit(f"make demo did not open JupyterLab:\n{log.read_text(errors='replace')[-3000:]}")


def note_taker(folder: Path) -> tuple[str, Path]:
    """Return a command that takes the place of the browser, and the file in which it notes what it was to open."""
    command, note = folder / "browser.sh", folder / "opened.txt"
    note.unlink(missing_ok=True)
    command.write_text(f'#!/bin/sh\necho "$1" > {note}.part && mv {note}.part {note}\n')
    command.chmod(0o755)
    return f"{command} %s", note


def finished(page: Any) -> str:
    """Return what the widget's header tells once the run has ended."""
    state = page.locator(f"{PANEL} .snb-state").first
    page.locator(f'{PANEL} .snb-state:not([data-state="running"])').first.wait_for(timeout=LONGEST_S * 1e3)
    assert state.get_attribute("data-state") == "finished", page.inner_text(PANEL)[-2000:]
    stats = page.locator(f"{PANEL} .snb-stat").all_inner_texts()
    return ", ".join(" ".join(text.split()) for text in stats)


def look_for(page: Any, what: str) -> None:
    """Scroll up, as a reader would, until it is there: JupyterLab draws only the cells in view."""
    until = time.monotonic() + LONGEST_S
    page.locator(f"{PANEL} .jp-Notebook").first.hover()
    while time.monotonic() < until:
        for _ in range(25):
            if page.locator(what).first.is_visible():
                page.locator(what).first.scroll_into_view_if_needed()
                return
            page.mouse.wheel(0, -300)
            page.wait_for_timeout(200)
        page.mouse.wheel(0, 20_000)
    sys.exit(f"there is no {what}")


def see_a_search(page: Any, clock: Clock) -> None:
    """Run the first example until a candidate is better, and accept that one."""
    page.locator(f"{PANEL} .jp-Cell").first.wait_for(timeout=120_000)
    # Until then JupyterLab answers *Run All Cells* with the advice to try again.
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").first.wait_for(timeout=120_000)
    clock.say("JupyterLab shows the first example")
    menu(page, "Run", "Run All Cells")
    look_for(page, f"{PANEL} .snb[data-live]")
    clock.say("*Run All Cells*: the widget stands under the search cell")
    best = page.locator(f"{PANEL} .snb-stat").first
    until = time.monotonic() + LONGEST_S
    while "+" not in best.inner_text() and time.monotonic() < until:  # a narrow page leaves "over the seed" out
        page.wait_for_timeout(500)
    clock.say(f"a better candidate is there ({' '.join(best.inner_text().split())})")
    page.locator(PANEL).get_by_role("button", name="Stop", exact=True).first.click()
    page.locator(f'{PANEL} .snb-state[data-state="stopped"]').first.wait_for(timeout=120_000)
    page.locator(PANEL).get_by_role("button", name="Accept best", exact=True).first.click()
    page.wait_for_timeout(2_000)
    page.keyboard.press("Control+s")
    clock.say("*Stop*, **Accept best**")


def own_notebook(page: Any, folder: Path, clock: Clock) -> None:
    """Write the cells of the page into a new notebook, run them, accept."""
    reactions().to_csv(folder / "demo" / "coupling.csv", index=False)
    menu(page, "File", "New", "Notebook")
    page.locator(".jp-Dialog button.jp-mod-accept").click(timeout=60_000)
    page.wait_for_function("panel => document.querySelectorAll(panel + ' .jp-Cell').length === 1", arg=PANEL)
    page.locator(f"{PANEL} .cm-content").first.click()
    clock.say("*File → New → Notebook*")
    for source in cells():
        page.keyboard.insert_text(source)
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(1_000)
    page.locator(f"{PANEL} .snb[data-live]").first.wait_for(timeout=LONGEST_S * 1e3)
    clock.say("own data, metric and seed are in their cells and run, the search is at work")
    said = finished(page)
    clock.say(f"its search has ended ({said})")
    before = page.inner_text(f"{PANEL} .jp-Cell:has(.snb) .cm-content")
    page.locator(PANEL).get_by_role("button", name="Accept best", exact=True).first.click()
    page.wait_for_function(
        "([at, text]) => document.querySelector(at).innerText !== text",
        arg=[f"{PANEL} .jp-Cell:has(.snb) .cm-content", before],
    )
    clock.say("**Accept best**: the cell is the best candidate")


def menu(page: Any, *names: str) -> None:
    """Choose an entry of the menus."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{names[0]}$")).click()
    for name in names[1:]:
        entry = page.locator(".lm-Menu-item", has=page.locator(f'.lm-Menu-itemLabel:text-is("{name}")')).last
        entry.hover()
        page.wait_for_timeout(500)  # a submenu opens, an entry becomes the active one
        entry.click()


def main() -> None:
    """Go the way, and print a table of times."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ours = ("OPENAI", "SCORE_NB", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env["BROWSER"], note = note_taker(folder)
    clock = Clock()
    sys.stdout.write("| step | took | in all |\n|---|---|---|\n")
    clone, log = folder / "score-nb", folder / "demo.log"
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        clock.say("`git clone` (from the same disk)")
    if sys.argv[2:] == ["install"]:
        with log.open("wb") as sink:
            subprocess.run(["make", ".venv/.demo"], cwd=clone, env=env, stdout=sink, stderr=sink, check=True)
        clock.say("`make demo`, first call: environment, build, installation")
        return
    with log.open("wb") as sink:
        demo = subprocess.Popen(
            ["make", "demo"], cwd=clone, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True,
        )  # fmt: skip
    try:
        url = opened(note, log, demo)
        clock.say("`make demo` has opened JupyterLab")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(60_000)
            page.goto(url, wait_until="domcontentloaded")
            see_a_search(page, clock)
            own_notebook(page, clone, clock)
            page.screenshot(path=str(folder / "end.png"))
            browser.close()
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        os.killpg(demo.pid, signal.SIGTERM)
        demo.wait(60)


if __name__ == "__main__":
    main()
