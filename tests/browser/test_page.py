"""The exported page, opened from disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from score_nb.view.export import export
from tests.view.records import simulate

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
WAIT_MS = 60_000


def test_an_exported_page_works_from_disk_without_a_network(browser: Any, tmp_path: Path) -> None:
    record = simulate(200)
    assert record.best is not None
    for node in tuple(record.nodes):
        own = {name: f"the {name} of {node.index}" for name in ("log", "prompt", "reply")}
        record.nodes[node.index] = replace(node, **own)  # type: ignore[arg-type]
    export(record, tmp_path / "run.html")
    assert (tmp_path / "run.html").stat().st_size <= 1_500_000
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "run.html").as_uri())
    root = page.locator(".snb")
    root.wait_for(state="visible", timeout=WAIT_MS)
    page.wait_for_function("document.getElementById('report').hidden", timeout=WAIT_MS)
    assert root.locator("canvas").count() >= 2, "tree and curve"
    # The best is shown first: what changed in it, then each of its other sides.
    root.get_by_text("StandardScaler").first.wait_for(timeout=WAIT_MS)
    for tab, words in (("Log", "the log of"), ("Prompt", "the prompt of"), ("Code", "StandardScaler")):
        root.get_by_role("tab", name=tab).click()
        root.get_by_text(words).first.wait_for(timeout=WAIT_MS)
    # The diff to its parent, then other nodes by the tree's keys and by a click on the curve.
    root.get_by_role("tab", name="Diff").click()
    root.locator(".snb-detail").get_by_text("StandardScaler").first.wait_for(timeout=WAIT_MS)
    title = root.locator(".snb-node h4")
    best = title.inner_text()
    root.get_by_role("tree").focus()
    page.keyboard.press("Home")
    title.get_by_text("Seed", exact=True).wait_for(timeout=WAIT_MS)
    area = root.locator(".snb-curve .snb-canvas").bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + area["width"] - 18, area["y"] + 30)
    page.wait_for_function("() => document.querySelector('.snb-node h4').innerText !== 'Seed'", timeout=WAIT_MS)
    assert best != "Seed"
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()
