"""JupyterLab as a test drives it: a server of its own, Chromium, and the few things a user does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1",
]  # fmt: skip
START_S = 90
# The page and the kernel share two slow cores with whatever else the machine does.
PATIENCE_MS = 60_000

_QUIET = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/completer-extension/manager": {"autoCompletion": False},
}


def browser_path() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def server(
    folder: Path,
    app: str = "lab",
    *,
    scratch: Path,
    disabled: Sequence[str] = (),
    jupyterlab: Path | None = None,
    kernels: Mapping[str, Path] = MappingProxyType({}),
    extensions: Sequence[Path] = (),
) -> Iterator[str]:
    """Run JupyterLab (or `notebook`) on `folder`, with its own files in `scratch`; yield its address.

    Parameters
    ----------
    folder, scratch : Path
        What is served, and where the server's own files go.
    app : str
        "lab" or "notebook".
    disabled : sequence of str
        JupyterLab extensions that are to be left out.
    jupyterlab : Path or None
        A folder with another JupyterLab than that of this environment.
    kernels : mapping of str to Path
        Further kernels by name: this environment with the packages of a folder in front.
    extensions : sequence of Path
        Folders with packages that bring extensions of JupyterLab.
    """
    page_config = scratch / "config" / "labconfig" / "page_config.json"
    page_config.parent.mkdir(parents=True)
    page_config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(disabled, True)}))
    for name, packages in kernels.items():
        _write_kernel(scratch / "share" / "kernels" / name, packages)
    settings = scratch / "settings"
    for name, values in _QUIET.items():
        target = settings / f"{name}.jupyterlab-settings"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(values))
    environment = {
        **os.environ,
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_PATH": os.pathsep.join(map(str, [scratch / "share", *(e / "share" / "jupyter" for e in extensions)])),
        "PYTHONPATH": _python_path(jupyterlab),
        "PYTHONWARNINGS": "default",
        # The page's files, and the version that the server tells.
        **({"JUPYTERLAB_DIR": str(jupyterlab / "share" / "jupyter" / "lab")} if jupyterlab else {}),
    }
    command = [
        sys.executable, "-m", "jupyter", app, "--no-browser", "--port=0", "--ip=127.0.0.1", "--allow-root",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}",
        "--expose-app-in-browser",
    ]  # fmt: skip
    log = scratch / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _python_path(packages: Path | None) -> str:
    return os.pathsep.join([*([str(packages)] if packages else []), str(ROOT), os.environ.get("PYTHONPATH", "")])


def _write_kernel(folder: Path, packages: Path) -> None:
    folder.mkdir(parents=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": folder.name,
        "language": "python",
        "env": {"PYTHONPATH": _python_path(packages)},
    }
    (folder / "kernel.json").write_text(json.dumps(spec))


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text(errors="replace"))
        if found and _answers(address := f"http://127.0.0.1:{found.group(1)}"):
            return address
        time.sleep(0.2)
    raise RuntimeError(f"the Jupyter server did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api", timeout=30):
            return True
    except OSError:
        return False


def write_notebook(path: Path, *sources: str, kernel: str = "python3") -> list[str]:
    """Write a notebook of code cells; return their ids."""
    cells = [new_code_cell(source) for source in sources]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(notebook, path)
    return [cell["id"] for cell in cells]


def busy_cell(flag: str) -> str:
    """Return a cell of pure Python that holds the kernel until a file `flag` is there: however slow the machine is."""
    return (
        "import time\nfrom pathlib import Path\nuntil = time.time() + 150\n"
        f"while time.time() < until and not Path({flag!r}).exists():\n"
        "    for _ in range(1000):\n        sum(range(1000))\nprint('free again')"
    )


class Lab:
    """A page that shows a notebook in JupyterLab.

    Everything that the notebook's own interface does is asked of the application itself (`window.jupyterapp`): it is
    not what is tested here.  The widget is used as a user does, with mouse and keys.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.address = address
        self.requests: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, notebook: str, *, app: str = "lab/tree") -> None:
        """Open the notebook with a running kernel; `app` is `notebooks` for Notebook 7."""
        self.page.goto(f"{self.address}/{app}/{notebook}?reset", wait_until="domcontentloaded")
        self._ready()

    def reload(self) -> None:
        """Reload the page."""
        self.page.reload(wait_until="domcontentloaded")
        self._ready()

    def _ready(self) -> None:
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell?.currentWidget;
                return panel?.sessionContext?.session?.kernel?.connectionStatus === "connected"
                    && panel.content?.widgets?.length > 0;
            }"""
        )

    def js(self, body: str, argument: Any = None) -> Any:
        """Return what `body` returns, run with `panel`, `cells` and `argument` at hand."""
        return self.page.evaluate(
            f"""async argument => {{
                const panel = window.jupyterapp.shell.currentWidget;
                const cells = panel.content.widgets;
                {body}
            }}""",
            argument,
        )

    def source(self, cell_id: str) -> str:
        """Return the text of a cell."""
        return str(self.js("return cells.find(c => c.model.id === argument).model.sharedModel.getSource()", cell_id))

    def wait_for_source(self, cell_id: str, text: str) -> None:
        """Wait until the cell's text contains `text`."""
        self.page.wait_for_function(
            """([id, text]) => window.jupyterapp.shell.currentWidget.content.widgets
                .find(c => c.model.id === id).model.sharedModel.getSource().includes(text)""",
            arg=[cell_id, text],
        )

    def is_running(self, cell_id: str) -> bool:
        """Return whether the kernel works on a cell, or will."""
        return bool(self.js("return cells.find(c => c.model.id === argument).node.innerText.includes('[*]')", cell_id))

    def sources(self) -> list[str]:
        """Return the text of all cells."""
        return list(self.js("return cells.map(c => c.model.sharedModel.getSource())"))

    def set_source(self, cell_id: str, text: str) -> None:
        """Edit a cell."""
        self.js("cells.find(c => c.model.id === argument[0]).model.sharedModel.setSource(argument[1])", [cell_id, text])

    def activate(self, cell_id: str) -> None:
        """Make a cell the active one."""
        self.js("panel.content.activeCellIndex = cells.findIndex(c => c.model.id === argument)", cell_id)

    def run(self, cell_id: str) -> None:
        """Send a cell to the kernel, and do not wait."""
        self.activate(cell_id)
        self.command("notebook:run-cell", wait=False)

    def wait_for_output(self, cell_id: str, text: str) -> None:
        """Wait until the cell's output contains `text`; fail at once where the cell has failed."""
        failed = self.page.wait_for_function(
            """([id, text]) => {
                const cell = window.jupyterapp.shell.currentWidget.content.widgets.find(c => c.model.id === id);
                const outputs = cell.model.outputs.toJSON();
                const error = outputs.find(output => output.output_type === "error");
                return error?.traceback.join("\\n") ?? (JSON.stringify(outputs).includes(text) && "no");
            }""",
            arg=[cell_id, text],
        ).json_value()
        assert failed == "no", failed

    def outputs(self, cell_id: str) -> Any:
        """Return the outputs of a cell as the notebook stores them."""
        return self.js("return cells.find(c => c.model.id === argument).model.outputs.toJSON()", cell_id)

    def command(self, name: str, arguments: dict[str, Any] | None = None, *, wait: bool = True) -> None:
        """Execute a command of the application."""
        call = "await " if wait else "void "
        self.page.evaluate(
            f"async a => {{ {call}window.jupyterapp.commands.execute(a[0], a[1]); }}", [name, arguments or {}]
        )

    def click(self, name: str) -> None:
        """Press a button of the widget."""
        self.widget.get_by_role("button", name=name, exact=True).first.click()

    def wait_for_state(self, state: str) -> None:
        """Wait until the run is in that state; fail at once where it has failed."""
        self.page.locator(f'.snb-state[data-state="{state}"], .snb-state[data-state="failed"]').first.wait_for()
        found = self.page.locator(".snb-state").first.get_attribute("data-state")
        assert found == state, self.page.locator(".snb-news").first.inner_text()

    def candidates(self) -> int:
        """Return how many candidates the header counts."""
        text = self.widget.locator(".snb-stat", has_text="Candidates").locator(".snb-what").inner_text()
        return int(text.split()[0])

    def wait_for_candidates(self, count: int) -> None:
        """Wait until the header counts at least so many candidates."""
        self.page.wait_for_function(
            """count => parseInt([...document.querySelectorAll('.snb-stat')]
                .find(stat => stat.innerText.includes('Candidates'))?.querySelector('.snb-what').innerText) >= count""",
            arg=count,
        )

    def tree(self) -> str:
        """Return what the tree's canvas shows."""
        return str(self.widget.locator("[role=tree] canvas").first.evaluate("canvas => canvas.toDataURL()"))

    def settled_tree(self) -> str:
        """Return what the tree's canvas shows once nothing moves on it any more."""
        # Out of sight it is not drawn at all.
        self.widget.locator("[role=tree]").scroll_into_view_if_needed()
        before, until = "", time.monotonic() + PATIENCE_MS / 1e3
        while time.monotonic() < until:
            now = self.tree()
            if now == before:
                return now
            before = now
            self.page.wait_for_timeout(700)
        raise TimeoutError("the tree does not come to rest")

    def save(self) -> None:
        """Save the notebook."""
        self.js("await panel.context.save()")

    def theme(self, name: str) -> None:
        """Change the theme, e.g. to "JupyterLab Dark"."""
        self.command("apputils:change-theme", {"theme": name})
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
        self.page.wait_for_timeout(700)

    def close(self) -> None:
        """End all kernels, and close the page."""
        self.shut_down_kernels()
        self.page.context.close()

    def shut_down_kernels(self) -> None:
        """End all kernels of the server."""
        self.page.evaluate("async () => { await window.jupyterapp?.serviceManager.sessions.shutdownAll(); }")

    @property
    def widget(self) -> Any:
        """The (first) live widget."""
        return self.page.locator(".snb[data-live]").first

    def stray_requests(self) -> list[str]:
        """Return the addresses asked for that are not this server."""
        local = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(local)]
