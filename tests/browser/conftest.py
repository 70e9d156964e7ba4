"""One Jupyter server and one Chromium for all browser tests; a page of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import lab as driver


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    path = driver.browser_path()
    if path is None:
        pytest.skip(f"no Chromium found (looked for {', '.join(driver.BROWSERS)}): apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=driver.CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the server serves."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def address(folder: Path, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where JupyterLab is served."""
    with driver.server(folder, scratch=tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def lab(browser: Any, address: str) -> Iterator[driver.Lab]:
    """JupyterLab in a fresh page; its kernels end with the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = driver.Lab(context.new_page(), address)
    yield page
    page.shut_down_kernels()
    context.close()


@pytest.fixture
def notebook(folder: Path, request: pytest.FixtureRequest) -> Callable[..., tuple[str, list[str]]]:
    """Return a function that writes a notebook of these cells; it returns the name and the cells' ids."""

    def write(*sources: str) -> tuple[str, list[str]]:
        name = f"{request.node.name}.ipynb"
        return name, driver.write_notebook(folder / name, *sources)

    return write
