"""The widget and the extension in a real JupyterLab, on a scripted run (the loop, the store and the wire are real)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import ROOT, Lab, busy_cell, server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

Write = Callable[..., tuple[str, list[str]]]

# `%%score` without its machinery: the body under the magic is the seed, the run is the showcase.
PREPARE = """
from pathlib import Path
from tempfile import mkdtemp
from IPython import get_ipython
from IPython.core.magic import register_cell_magic
from score_nb.notebook.widget import show
from tests.support.showcase import begin

@register_cell_magic
def score(line, cell):
    global run
    options = dict(word.split("=") for word in line.split())
    run = begin(Path(mkdtemp()), nodes=int(options.get("nodes", 12)), proposal_s=float(options.get("pace", 0.05)),
                evaluation_s=float(options.get("pace", 0.05)), repeats=int(options.get("repeats", 1)),
                is_doubtful="doubts" in options)
    global seed_cell_id
    seed_cell_id = get_ipython().get_parent()["metadata"]["cellId"]
    show(run, cell_id=seed_cell_id, seed_text=cell)

print("prepared")
"""


def seed_cell(options: str = "") -> str:
    from tests.support.showcase import Recipe

    return f"%%score {options}".rstrip() + "\n" + Recipe().source


def start(lab: Lab, notebook: Write, options: str = "", *more: str, app: str = "lab/tree") -> list[str]:
    """Open a notebook whose second cell is a seed and run it; return the ids of its cells."""
    name, ids = notebook(PREPARE, seed_cell(options), *more)
    lab.open(name, app=app)
    lab.run(ids[0])
    lab.wait_for_output(ids[0], "prepared")
    lab.run(ids[1])
    lab.widget.wait_for()
    return ids


def undo_in_cell(lab: Lab, cell_id: str) -> None:
    """Press Ctrl+Z in the cell's editor, as a user does."""
    lab.activate(cell_id)
    lab.command("notebook:enter-edit-mode")
    lab.page.keyboard.press("Control+z")


def test_accept_best_replaces_the_body_and_ctrl_z_brings_it_back(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, "nodes=14")
    lab.wait_for_state("finished")
    before = lab.source(ids[1])
    lab.click("Accept best")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    after = lab.source(ids[1])
    assert after.splitlines()[0] == "%%score nodes=14"
    assert after != before
    assert "def predict(X):" in after
    lab.widget.locator(".snb-badge", has_text="accepted").wait_for()
    undo_in_cell(lab, ids[1])
    lab.wait_for_source(ids[1], before)
    assert lab.source(ids[1]) == before
    # The other ways leave the cell as it is.
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.click("More ways to accept")
    lab.widget.get_by_role("button", name="Copy the code").first.click()
    body = after.split("\n", 1)[1]
    lab.page.wait_for_function("async text => (await navigator.clipboard.readText()) === text", arg=body)
    lab.click("More ways to accept")
    lab.widget.get_by_role("button", name="Insert below").click()
    lab.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.widgets.length === 3")
    assert lab.sources()[1:] == [before, body]


def test_an_edited_cell_is_not_replaced_but_something_else_is_offered(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, "nodes=8")
    lab.wait_for_state("finished")
    edited = lab.source(ids[1]).replace("max_iter=200", "max_iter=999")
    lab.set_source(ids[1], edited)
    lab.click("Accept best")
    lab.widget.get_by_text("was edited since").wait_for()
    assert lab.source(ids[1]) == edited
    lab.click("Compare with the cell")
    lab.widget.get_by_role("button", name="against the cell as it is now").wait_for()
    assert "999" in lab.widget.locator(".snb-panel").inner_text()
    lab.click("Accept best")
    lab.click("Insert below")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert len(lab.sources()) == 3
    assert "def predict(X):" in lab.sources()[2]
    lab.click("Accept best")
    lab.click("Replace anyway")
    lab.wait_for_source(ids[1], "%%score nodes=8")
    assert lab.source(ids[1]) != edited


def test_a_cell_that_has_moved_is_found(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, "nodes=6", "x = 1")
    lab.wait_for_state("finished")
    lab.activate(ids[1])
    lab.command("notebook:move-cell-down")
    lab.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.widgets.length === 3")
    assert lab.sources()[1] == "x = 1"
    lab.widget.wait_for()
    lab.click("Accept best")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.sources()[1] == "x = 1"
    assert lab.sources()[2].startswith("%%score nodes=6\n")


def test_the_widget_lives_while_another_cell_runs_and_stop_works_at_once(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, "nodes=500 pace=0.4", busy_cell("never"))
    lab.run(ids[2])
    lab.page.wait_for_timeout(2_000)
    lab.wait_for_candidates(lab.candidates() + 2)
    assert lab.is_running(ids[2]), "the widget only moved once the loop was over"
    lab.click("Stop")
    lab.wait_for_state("stopped")
    assert lab.is_running(ids[2]), "Stop had to wait for the running cell"


def test_a_reload_and_a_second_browser_show_the_same_tree(lab: Lab, notebook: Write, browser: Any) -> None:
    start(lab, notebook, "nodes=20")
    lab.wait_for_state("finished")
    lab.save()
    count = lab.candidates()
    value = lab.widget.locator(".snb-stat-best").inner_text()
    tree = lab.settled_tree()
    name = lab.page.url.rsplit("/", 1)[1].split("?")[0]
    lab.reload()
    lab.widget.wait_for()
    assert (lab.candidates(), lab.widget.locator(".snb-stat-best").inner_text()) == (count, value)
    assert lab.settled_tree() == tree
    with browser.new_context(viewport={"width": 1400, "height": 1000}) as context:
        second = Lab(context.new_page(), lab.address)
        second.open(name)
        second.widget.wait_for()
        assert (second.candidates(), second.widget.locator(".snb-stat-best").inner_text()) == (count, value)


def test_python_asks_the_page_to_accept(lab: Lab, notebook: Write) -> None:
    ask = (
        "from score_nb.notebook.widget_accept import PAGES\n"
        "print('asked', PAGES.accept(run, run.best.index, cell_id=seed_cell_id))"
    )
    ids = start(lab, notebook, "nodes=8", ask)
    lab.wait_for_state("finished")
    before = lab.source(ids[1])
    lab.page.wait_for_timeout(1_000)
    lab.run(ids[2])
    lab.wait_for_output(ids[2], "asked True")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.source(ids[1]) != before


def test_a_reopened_notebook_draws_the_run_without_its_kernel_and_can_still_accept(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, "nodes=16")
    lab.wait_for_state("finished")
    value = lab.widget.locator(".snb-stat-best").inner_text()
    lab.page.wait_for_timeout(2_000)
    lab.save()
    lab.shut_down_kernels()
    lab.reload()
    saved = lab.page.locator(".snb[data-saved]").first
    saved.wait_for()
    assert saved.locator(".snb-stat-best").inner_text() == value
    assert "Saved result" in saved.locator(".snb-news").inner_text()
    assert lab.page.get_by_text("model not found").count() == 0
    before = lab.source(ids[1])
    saved.get_by_role("button", name="Accept best").click()
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.source(ids[1]) != before


def test_keys_walk_the_tree_and_never_reach_the_notebook(lab: Lab, notebook: Write) -> None:
    start(lab, notebook, "nodes=10")
    lab.wait_for_state("finished")
    cells = lab.sources()
    lab.command("notebook:enter-command-mode")
    lab.widget.get_by_role("tree").focus()
    for key in ("Home", "ArrowDown", "ArrowUp", "d", "d", "a", "x", "+", "0"):
        lab.page.keyboard.press(key)
    assert lab.sources() == cells
    assert lab.widget.locator(".snb-node h4").inner_text() == "Seed"
    lab.page.keyboard.press("ArrowDown")
    lab.page.wait_for_function("() => document.querySelector('.snb-node h4').innerText.startsWith('Node')")
    lab.widget.get_by_role("tab", name="Diff").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.widget.get_by_role("tab", name="Code", selected=True).wait_for()


def test_both_themes_are_followed_and_nothing_is_fetched_from_elsewhere(
    lab: Lab, notebook: Write, tmp_path: Path
) -> None:
    start(lab, notebook, "nodes=12")
    lab.wait_for_state("finished")
    seen = {}
    for theme, is_dark in [("JupyterLab Light", "false"), ("JupyterLab Dark", "true")]:
        lab.theme(theme)
        assert lab.widget.get_attribute("data-dark") == is_dark
        lab.widget.screenshot(path=tmp_path / f"{theme}.png")
        seen[theme] = lab.tree()
    assert len(set(seen.values())) == 2
    lab.theme("JupyterLab Light")
    assert lab.stray_requests() == []


def test_a_chart_is_drawn_without_a_network(lab: Lab, notebook: Write) -> None:
    name, ids = notebook(PREPARE, seed_cell("nodes=12"), "run.wait()\nrun.chart()")
    lab.open(name)
    lab.run(ids[0])
    lab.wait_for_output(ids[0], "prepared")
    lab.run(ids[1])
    lab.run(ids[2])
    drawn = lab.page.locator(".jp-RenderedVegaCommon5 canvas, .jp-RenderedVegaCommon5 svg").first
    drawn.wait_for()
    assert drawn.bounding_box()["width"] > 300
    assert lab.stray_requests() == []


def test_the_page_is_accessible_in_all_three_themes(lab: Lab, notebook: Write) -> None:
    axe = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed: npm --prefix js ci")
    start(lab, notebook, "nodes=400 pace=0.3 repeats=2 doubts=yes")
    lab.page.evaluate(axe.read_text())

    def look(*where: str) -> None:
        # What fades in is not looked at half-way.
        lab.page.wait_for_timeout(300)
        found = lab.page.evaluate("async () => (await axe.run('.snb')).violations")
        problems = [(each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"]) for each in found]
        assert problems == [], where

    look("starting")
    lab.click("Change the budget")
    look("running, with its budget")
    lab.page.keyboard.press("Escape")
    lab.wait_for_candidates(40)
    lab.click("Pause")
    lab.wait_for_state("paused")
    look("paused")
    lab.click("Resume")
    lab.click("Change the budget")
    lab.click("End with what is at work")
    lab.wait_for_state("finished")
    find = lab.widget.get_by_role("searchbox")
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        lab.theme(theme)
        for tab in ("Diff", "Code", "Prompt and reply", "Idea", "Numbers", "What worked"):
            lab.widget.get_by_role("tab", name=tab).click()
            look(theme, tab)
        for word, tab in (("error", "Log"), ("doubted", "Diff")):
            find.fill(word)
            find.press("Enter")
            find.fill("")
            lab.widget.get_by_role("tab", name=tab).click()
            look(theme, word)
        lab.click("More ways to accept")
        look(theme, "ways to accept")
        lab.page.keyboard.press("Escape")
        lab.widget.get_by_role("button", name="Follow the best").click()
    lab.theme("JupyterLab Light")


def test_everything_can_be_reached_and_done_with_the_keyboard_alone(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, "nodes=14")
    lab.wait_for_state("finished")
    before = lab.source(ids[1])
    press = lab.page.keyboard.press

    def focused() -> str:
        """Return the name of what has the focus in the widget, "" where nothing there has."""
        return str(
            lab.page.evaluate(
                """() => {
                    const at = document.activeElement;
                    if (at?.closest(".snb") == null) return "";
                    const ring = getComputedStyle(at);
                    if (ring.outlineStyle === "none" || ring.outlineWidth === "0px") return "no sign of the focus";
                    return at.getAttribute("aria-label") ?? at.innerText ?? at.getAttribute("placeholder");
                }"""
            )
        )

    def walk(name: str, key: str = "Tab") -> list[str]:
        """Press the key until what has the focus bears that name; return the names on the way."""
        names: list[str] = []
        while len(names) < 90 and not (names and names[-1].startswith(name)):
            press(key)
            names.append(focused())
        assert names[-1].startswith(name), names
        return names

    # From the seed cell's editor out into its output, and through all of it.
    lab.activate(ids[1])
    lab.command("notebook:enter-edit-mode")
    press("Escape")
    walk("Accept best")
    stops = walk("Accept this")
    for name in ("More ways to accept", "Find", "Follow the best", "Zoom in", "Tree of candidates", "Axis", "Diff"):
        assert any(stop.startswith(name) for stop in stops), (name, stops)
    assert "no sign of the focus" not in stops
    # To another candidate, its numbers, and back.
    walk("Tree of candidates", "Shift+Tab")
    press("Home")
    press("ArrowDown")
    walk("Diff")
    for _ in range(5):
        press("ArrowRight")
    lab.widget.get_by_role("tab", name="Numbers", selected=True).wait_for()
    # The menu opens, is walked, and gives the focus back.
    walk("More ways to accept", "Shift+Tab")
    press("Enter")
    lab.widget.get_by_role("dialog", name="Accept").wait_for()
    press("ArrowDown")
    assert focused().startswith("Preview the change")
    press("Escape")
    assert focused() == "More ways to accept"
    press("Enter")
    press("Enter")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.source(ids[1]) != before


def test_tree_and_curve_answer_the_mouse_and_what_is_looked_for(lab: Lab, notebook: Write) -> None:
    start(lab, notebook, "nodes=60 pace=0.02")
    lab.wait_for_state("finished")
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    mouse, tree = lab.page.mouse, lab.widget.get_by_role("tree")
    title = lab.widget.locator(".snb-node h4")
    whole = lab.settled_tree()
    # Zoomed and panned there is a map; it goes when all is shown.
    tree.focus()
    lab.page.keyboard.press("+")
    box = tree.bounding_box()
    mouse.move(box["x"] + 200, box["y"] + 100)
    mouse.down()
    mouse.move(box["x"] + 120, box["y"] + 60, steps=4)
    mouse.up()
    lab.widget.locator(".snb-map").wait_for()
    assert lab.settled_tree() != whole
    tree.focus()
    lab.page.keyboard.press("0")
    lab.widget.locator(".snb-map").wait_for(state="hidden")
    assert lab.settled_tree() == whole
    # Folded, the tree is another; unfolded, the same.
    lab.page.keyboard.press("Home")
    unfolded = lab.settled_tree()
    lab.page.keyboard.press("f")
    assert lab.settled_tree() != unfolded
    lab.page.keyboard.press("f")
    assert lab.settled_tree() == unfolded
    # A search goes from match to match; a press in the legend dims all others.
    find = lab.widget.get_by_role("searchbox")
    find.fill("#7")
    find.press("Enter")
    title.get_by_text("Node 7", exact=True).wait_for()
    find.fill("")
    before = lab.settled_tree()
    lab.widget.locator("button.snb-key", has_text="duplicate").click()
    assert lab.settled_tree() != before
    lab.widget.locator("button.snb-key", has_text="duplicate").click()
    # The curve: a click selects, a box drawn singles out, the axis is chosen.
    curve = lab.widget.locator(".snb-curve .snb-canvas")
    area = curve.bounding_box()
    mouse.click(area["x"] + area["width"] - 18, area["y"] + 30)
    lab.page.wait_for_function("() => !['Seed', 'Node 7'].includes(document.querySelector('.snb-node h4').innerText)")
    mouse.move(area["x"] + 60, area["y"] + 6)
    mouse.down()
    mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] - 10, steps=4)
    mouse.up()
    lab.widget.locator("button.snb-key", has_text="singled out").click()
    drawn = curve.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    lab.widget.get_by_label("Axis of the curve").select_option("cost")
    lab.page.wait_for_function(
        "([canvas, drawn]) => canvas.toDataURL() !== drawn", arg=[curve.locator("canvas").element_handle(), drawn]
    )
    # What is copied is what is shown.
    lab.widget.get_by_role("tab", name="Code").click()
    lab.widget.get_by_role("button", name="Copy the code").click()
    lab.widget.get_by_role("button", name="Copied the code").wait_for()
    assert "def predict(X):" in lab.page.evaluate("() => navigator.clipboard.readText()")


def test_the_run_is_steered_from_the_page(lab: Lab, notebook: Write) -> None:
    start(lab, notebook, "nodes=400 pace=0.3")
    lab.widget.evaluate("root => { root.dataset.mark = 'the same view'; }")
    lab.click("Pause")
    lab.wait_for_state("paused")
    # The saved picture is renewed with the state; the view that one is working in must stay.
    lab.page.wait_for_timeout(1_500)
    assert lab.widget.get_attribute("data-mark") == "the same view"
    lab.click("Resume")
    lab.wait_for_state("running")
    lab.click("Change the budget")
    lab.click("25 more")
    lab.widget.get_by_text("of 425").wait_for()
    lab.widget.get_by_role("tree").focus()
    lab.page.keyboard.press("Home")
    lab.widget.get_by_label("Hint for a child of node 0").fill("use fewer genes")
    lab.click("Expand")
    lab.click("Idea")
    lab.widget.get_by_label("Something worth trying").fill("stack two of them")
    lab.page.keyboard.press("Enter")
    # What was asked for is marked in the tree as soon as it is there.
    legend = lab.widget.locator(".snb-legend")
    legend.get_by_text("your hint").wait_for()
    legend.get_by_text("idea", exact=False).first.wait_for()
    lab.widget.get_by_role("tree").focus()
    lab.page.keyboard.press("Home")
    lab.page.keyboard.press("ArrowDown")
    lab.click("Give up this branch")
    legend.get_by_text("given up").wait_for()
    lab.click("Take up again")
    legend.get_by_text("given up").wait_for(state="detached")
    lab.widget.get_by_role("tree").focus()
    lab.page.keyboard.press("ArrowUp")
    lab.click("Pin as best")
    lab.widget.get_by_text("pinned by you").first.wait_for()
    lab.click("Unpin")
    lab.widget.get_by_text("pinned by you").first.wait_for(state="detached")
    lab.click("Stop")
    lab.wait_for_state("stopped")


def test_the_page_tells_all_that_is_known_of_the_run_and_of_a_candidate(lab: Lab, notebook: Write) -> None:
    start(lab, notebook, "nodes=300 pace=0.3")
    lab.wait_for_candidates(20)
    for told in (
        r"^balanced", r"Running", r"Best, #\d+0\.\d+ \+0\.\d+", r"On the hold-out0\.\d+ .0\.\d+",
        r"Candidates\d+ of 300", r"\d proposing \d evaluating", r"Time0:\d\d about \d+ \w+ left",
        r"Tokens[\d.]+k \$0\.\d+",
    ):  # fmt: skip
        lab.widget.locator(".snb-head", has_text=re.compile(told)).wait_for()
    # One in forty fails with an error.
    failed = lab.widget.locator("button.snb-key", has_text="error")
    failed.wait_for()
    lab.click("Stop")
    lab.wait_for_state("stopped")
    panel = lab.widget.locator(".snb-panel")
    # The difference of the best: from the seed, from its parent, from a number; unified and split, folded and coloured.
    other = lab.widget.get_by_label("Compare with the node of this number")
    parent = panel.get_by_role("button", name=re.compile(r"^parent #\d+$"))
    number = parent.inner_text().split("#")[1]
    for base, same in ((parent, number), (panel.get_by_role("button", name="seed", exact=True), "0")):
        base.click()
        panel.locator("[aria-pressed=true]", has_text=re.compile("^seed$|^parent")).wait_for()
        rows = panel.locator("[data-kind]")
        rows.first.wait_for()
        expected = rows.all_inner_texts()
        other.fill(same)
        panel.locator("input[aria-current=true]").wait_for()
        rows.first.wait_for()
        assert rows.all_inner_texts() == expected
    panel.get_by_role("button", name="seed", exact=True).click()
    for way, place in (("split", ".snb-beside"), ("unified", ".snb-code")):
        panel.get_by_role("button", name=way).click()
        panel.locator(f"{place} [data-kind=added]").first.wait_for()
        assert panel.locator(f"{place} .snb-t-keyword").count() > 0
    lines = panel.locator(".snb-code > div").count()
    panel.locator(".snb-fold").first.click()
    assert panel.locator(".snb-code > div").count() > lines
    # Its code, what it printed, what was asked and answered, and why its parent was picked.
    for name, words in (
        ("Code", ["def predict(X):"]),
        ("Log", ["scores: 0.79 0.81 0.80"]),
        ("Prompt and reply", ["Reply of showcase-model", "Improve this cell."]),
        ("Idea", ["Plan"]),
        ("Numbers", ["Over the seed", "Rank score", "Visits before", "Exploration bonus", "Tokens", "Peak memory"]),
    ):  # fmt: skip
        lab.widget.get_by_role("tab", name=name).click()
        for each in words:
            panel.get_by_text(each).first.wait_for()
    # A failure tells its kind in the tree's legend, and its traceback.
    failed.click()
    find = lab.widget.get_by_role("searchbox")
    find.fill("error")
    find.press("Enter")
    lab.widget.get_by_role("tab", name="Log").click()
    panel.get_by_text("ValueError: Input X contains NaN.").first.wait_for()
    panel.get_by_text("Traceback (most recent call last)").wait_for()


def test_a_doubted_value_is_named_evaluated_again_and_allowed(lab: Lab, notebook: Write) -> None:
    start(lab, notebook, "nodes=40 pace=0.05 repeats=2 doubts=yes")
    lab.wait_for_state("finished")
    find = lab.widget.get_by_role("searchbox")
    find.fill("doubted")
    find.press("Enter")
    badge = lab.widget.locator(".snb-badge[data-tone=doubt]")
    badge.get_by_text("? doubted").wait_for()
    assert "cannot be the best" in lab.widget.locator(".snb-doubts").inner_text()
    lab.click("Let it be the best")
    badge.get_by_text("? allowed by you").wait_for()
    lab.click("Doubt it again")
    badge.get_by_text("? doubted").wait_for()


def test_the_extension_shows_runs_at_work_accepts_from_the_cell_s_toolbar_and_opens_a_tab(
    lab: Lab, notebook: Write
) -> None:
    ids = start(lab, notebook, "nodes=400 pace=0.1")
    lab.page.locator(".score-nb-status").get_by_text("score-nb: balanced").wait_for()
    lab.click("Open in its own tab")
    tab = lab.page.locator(".score-nb-tab .snb[data-live]")
    tab.wait_for()
    tab.get_by_role("button", name="Stop", exact=True).click()
    tab.locator('.snb-state[data-state="stopped"]').wait_for()
    lab.page.locator(".score-nb-status").wait_for(state="hidden")
    lab.page.evaluate(
        """() => {
            const { shell } = window.jupyterapp;
            for (const each of shell.widgets("main")) if (each.context) shell.activateById(each.id);
        }"""
    )
    before = lab.source(ids[1])
    lab.activate(ids[1])
    lab.command("notebook:enter-command-mode")
    lab.page.keyboard.press("Alt+Shift+A")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.source(ids[1]) != before
    undo_in_cell(lab, ids[1])
    lab.wait_for_source(ids[1], before)
    lab.activate(ids[1])
    lab.page.locator('[data-jp-item-name="score-nb-accept"]:not(.lm-mod-hidden) jp-button').click()
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    assert lab.source(ids[1]) != before
    # Palette and settings editor name what there is.
    lab.command("apputils:activate-command-palette")
    lab.page.keyboard.type("score-nb best")
    lab.page.locator(".lm-CommandPalette-item").get_by_text("Accept the Best Candidate").wait_for()
    lab.page.keyboard.press("Escape")
    lab.command("settingeditor:open", {"query": "score-nb"})
    for title in ("Runs at work in the status bar", "Say when a run has ended", "Difference", "Compare with"):
        lab.page.locator(".jp-SettingsPanel").get_by_text(title, exact=True).first.wait_for()


def test_where_the_server_lacks_the_extension_the_widget_accepts_by_itself(
    browser: Any, notebook: Write, folder: Path, tmp_path: Path
) -> None:
    with server(folder, scratch=tmp_path, disabled=["score-nb"]) as address, browser.new_context() as context:
        page = Lab(context.new_page(), address)
        ids = start(page, notebook, "nodes=8")
        page.wait_for_state("finished")
        before = page.source(ids[1])
        page.click("Accept best")
        page.widget.get_by_text("Ctrl+Z in the cell takes it back").wait_for()
        assert page.source(ids[1]) != before
        page.click("Undo")
        page.wait_for_source(ids[1], before)


def test_in_notebook_7_the_run_is_live_and_can_be_accepted(
    browser: Any, notebook: Write, folder: Path, tmp_path: Path
) -> None:
    with server(folder, "notebook", scratch=tmp_path) as address, browser.new_context() as context:
        page = Lab(context.new_page(), address)
        ids = start(page, notebook, "nodes=8", app="notebooks")
        page.wait_for_state("finished")
        before = page.source(ids[1])
        page.click("Accept best")
        page.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
        assert page.source(ids[1]) != before
        undo_in_cell(page, ids[1])
        page.wait_for_source(ids[1], before)


def test_nothing_jumps_overflows_or_moves_for_those_who_want_no_motion(lab: Lab, notebook: Write) -> None:
    lab.page.emulate_media(reduced_motion="reduce")
    # Slow enough that in a second hardly anything begins or ends.
    start(lab, notebook, "nodes=40 pace=4")
    lab.wait_for_candidates(1)
    height = lab.widget.evaluate("root => root.offsetHeight")

    def moves() -> list[bool]:
        """Return whether the picture of what is at work changed, for each of ten tenths of a second."""
        lab.widget.get_by_role("tree").focus()
        lab.page.keyboard.press("Home")
        lab.widget.get_by_role("tree").scroll_into_view_if_needed()
        return list(
            lab.widget.locator("[role=tree] canvas")
            .nth(1)
            .evaluate(
                """async canvas => {
                    const shots = [];
                    for (let i = 0; i <= 10; i++) {
                        shots.push(canvas.toDataURL());
                        await new Promise(done => setTimeout(done, 100));
                    }
                    return shots.slice(1).map((shot, i) => shot !== shots[i]);
                }"""
            )
        )

    # It changes where something begins or ends; what turns changes all the time.
    assert sum(moves()) < 5
    lab.page.emulate_media(reduced_motion="no-preference")
    assert sum(moves()) >= 5
    lab.wait_for_candidates(2)
    assert lab.widget.evaluate("root => root.offsetHeight") == height
    # A phone, a side panel, a notebook, a wide screen.
    for width in (340, 560, 900, 1600):
        lab.widget.evaluate("(root, width) => { root.style.width = `${width}px`; }", width)
        lab.page.wait_for_timeout(500)
        overflow = lab.widget.evaluate(
            """root => [...root.querySelectorAll(".snb-head, .snb-body, .snb-news, .snb-foot, .snb-actions")]
                .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.className)"""
        )
        assert overflow == [], width
    lab.click("Stop")
