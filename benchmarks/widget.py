"""How fast is the page?  A stored run of 10,000 nodes opened, panned, and grown by 100 nodes a second, in a browser.

    python benchmarks/widget.py [--nodes 10000] [--rate 100] [--seconds 8] [--opens 3]

JupyterLab, kernel, Chromium (without a GPU), wire and widget are the real ones; the nodes come from a generator, since
no evaluation is measured here.  Needs the page built (`npm --prefix js run build`), playwright and Chromium.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from score_nb import events as ev  # noqa: E402 (the benchmark runs from a checkout)
from score_nb.notebook.publisher import Publisher  # noqa: E402
from score_nb.record import Record  # noqa: E402
from score_nb.store.journal import JOURNAL, Journal  # noqa: E402
from score_nb.store.lines import line_of  # noqa: E402
from score_nb.types import Flag, Node, Pick, Task  # noqa: E402

STATIC = ROOT / "score_nb" / "static" / "widget.js"
SOURCE = "model = make_pipeline(StandardScaler(), LogisticRegression(C={c}, max_iter=400)).fit(X_train, y_train)\n"
FAILED_SHARE, HYBRID_SHARE, DOUBTED_SHARE = 0.12, 0.04, 0.005


# -- the run, in the kernel --------------------------------------------------------------------------------------------


def events(count: int) -> Iterator[ev.Event]:
    """Return the events of a run of `count` nodes: deep branches, failures, hybrids, spreads and some doubts."""
    rng = random.Random(7)
    task = Task(seed=SOURCE.format(c=1), metric="balanced", parameters=("predict",), outputs=("predict",))
    options = {"nodes": 2 * count, "direction": "maximize", "model": "generated", "repeats": 3}
    yield ev.RunStarted(0.0, "benchmark", "balanced", "2026-11-22T10:00:00+00:00", asdict(task), options, {})
    value = {0: 0.6}
    for index in range(count):
        parents = _parents(rng, index)
        value[index] = value[parents[0]] + rng.gauss(0.0002, 0.01) if parents else 0.6
        pick = Pick(rng.random(), rng.randrange(1, 200), rng.random() / 10) if parents else None
        if pick is not None:
            yield ev.ExpansionStarted(index * 1.1, index, parents, "improve", pick)
        yield ev.NodeAdded(index * 1.1 + 1, _node(rng, index, parents, value[index], pick))


def _parents(rng: random.Random, index: int) -> tuple[int, ...]:
    if index == 0:
        return ()
    near = max(0, index - 1 - int(rng.expovariate(1 / 60)))
    first = near if rng.random() < 0.8 else rng.randrange(index)
    return (first, rng.randrange(index)) if rng.random() < HYBRID_SHARE else (first,)


def _node(rng: random.Random, index: int, parents: tuple[int, ...], value: float, pick: Pick | None) -> Node:
    failed = index > 0 and rng.random() < FAILED_SHARE
    several = not failed and rng.random() < 0.05
    flags = (Flag("constant", "all predictions are the same"),) if rng.random() < DOUBTED_SHARE and not failed else ()
    return Node(
        index=index, parents=parents, source=SOURCE.format(c=index + 1), status="error" if failed else "ok",
        value=None if failed else value, score=float("-inf") if failed else value, model="generated", pick=pick,
        operator="seed" if index == 0 else "recombine" if len(parents) > 1 else rng.choice(["improve", "tune", "idea"]),
        detail="ValueError: Input X contains NaN." if failed else "Raise the regularisation and scale the counts",
        values=(value - 0.01, value, value + 0.01) if several else (), spread=0.01 if several else None, flags=flags,
        ticket=index, seconds=rng.uniform(0.4, 9), finished=index * 1.1, tokens=1_500, cost=0.002,
    )  # fmt: skip


def store(folder: Path, count: int) -> None:
    """Write the run as one that has ended leaves it: journal and checkpoint, without a wait for the disk per line."""
    folder.mkdir(parents=True)
    told = [*events(count), ev.StateChanged(count * 1.2, "finished", f"{count} nodes")]
    lines = b"".join(line_of(number, ev.to_json(event)) for number, event in enumerate(told))
    (folder / JOURNAL).write_bytes(lines)
    journal = Journal(folder)
    journal.checkpoint(journal.record, is_last=True)
    journal.close()


class Growing:
    """A run that grows by itself: what the widget needs of one, with a record that is its events applied."""

    name = "balanced"

    def __init__(self, count: int, more: int) -> None:
        self._told = events(count + more)
        self._record = Record()
        self._guard = threading.Lock()
        self._listeners: list[Callable[[ev.Event], None]] = []
        while len(self._record.nodes) < count:
            self._record.apply(next(self._told))

    def snapshot(self) -> Record:
        """Return a copy of the record."""
        with self._guard:
            return self._record.copy()

    def subscribe(self, listener: Callable[[ev.Event], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def grow(self, rate: float, seconds: float) -> threading.Thread:
        """Add `rate` nodes per second for so long, on a thread of its own."""

        def work() -> None:
            begun, goal, added = time.perf_counter(), int(rate * seconds), 0
            while added < goal:
                event = next(self._told)
                with self._guard:
                    self._record.apply(event)
                for listener in tuple(self._listeners):
                    listener(event)
                if isinstance(event, ev.NodeAdded):
                    added += 1
                    time.sleep(max(0.0, begun + added / rate - time.perf_counter()))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


class Meter:
    """What the kernel spends on updates, and how much goes over the wire."""

    def __init__(self) -> None:
        self.cpu_ms: list[float] = []
        self.delta_bytes = self.delta_nodes = 0
        self.snapshot_bytes = self.snapshot_nodes = 0

    def watch(self, publisher: Publisher) -> None:
        """Measure that publisher from now on."""
        send, update = publisher._send, publisher._send_delta

        def weighed(message: Any) -> None:
            send(message)
            size = len(json.dumps(message).encode())
            if message["kind"] == "snapshot":
                self.snapshot_bytes, self.snapshot_nodes = size, len(message["nodes"])
            elif message["kind"] == "delta":
                self.delta_bytes += size
                self.delta_nodes += len(message.get("nodes", []))

        def timed() -> None:
            publisher._send = send
            begun = time.thread_time()
            update()
            self.cpu_ms.append((time.thread_time() - begun) * 1e3)
            publisher._send = weighed

        publisher._send, publisher._send_delta = weighed, timed  # type: ignore[method-assign]

    def weigh(self, publisher: Publisher) -> None:
        """Weigh deltas instead of timing them: the two would disturb each other."""
        del publisher._send_delta  # the class's own again

    def report(self) -> str:
        """Return the figures as JSON."""
        return json.dumps(self.__dict__)


# -- the page ----------------------------------------------------------------------------------------------------------

PREPARE = """
import time
from pathlib import Path
from benchmarks.widget import Growing, Meter
from score_nb.notebook.widget import show
from score_nb.run.run import Run
growing, meter = Growing({nodes}, {more}), Meter()
print("prepared")
"""
OPEN = """
begun = time.perf_counter()
run = Run.stored(Path("{folder}"))
print("read", round(time.perf_counter() - begun, 3))
shown = show(run)
"""
GROW = """
shown = show(growing)
meter.watch(shown._publisher)
"""
DRAWN = """async nodes => {
    const { jupyterapp } = window;
    const old = new Set([...document.querySelectorAll(".snb")].map(root => root.id));
    const begun = performance.now();
    void jupyterapp.commands.execute("notebook:run-cell");
    const frame = () => new Promise(requestAnimationFrame);
    let root;
    for (;;) {
        root = [...document.querySelectorAll(".snb[data-live]")].find(each => !old.has(each.id));
        if (root?.querySelector(".snb-stats")?.textContent.includes(`${nodes} of`)) break;
        await frame();
    }
    const canvas = root.querySelector("[role=tree] canvas");
    const probe = new OffscreenCanvas(24, 24).getContext("2d", { willReadFrequently: true });
    for (;;) {
        if (root.offsetWidth > 0 && canvas.width > 1) {
            probe.drawImage(canvas, 0, 0, 24, 24);
            if (probe.getImageData(0, 0, 24, 24).data.some(value => value !== 0)) break;
        }
        if (performance.now() - begun > 60000) throw new Error("nothing was drawn in a minute");
        await frame();
    }
    return performance.now() - begun;
}"""
COUNT_FRAMES = """() => {
    const times = [];
    const count = now => { times.push(now); window.scoreNbFrames = requestAnimationFrame(count); };
    window.scoreNbTimes = times;
    window.scoreNbFrames = requestAnimationFrame(count);
}"""
END_COUNT = "() => { cancelAnimationFrame(window.scoreNbFrames); return window.scoreNbTimes; }"


class Page:
    """JupyterLab with the benchmark's notebook."""

    def __init__(self, lab: Any, options: argparse.Namespace, ids: list[str]) -> None:
        self.lab, self.options, self.ids = lab, options, ids

    def open_run(self) -> tuple[float, float]:
        """Open the stored run anew; return the ms from running the cell to drawn, and those of reading the store."""
        self.lab.activate(self.ids[1])
        drawn = self.lab.page.evaluate(DRAWN, self.options.nodes)
        outputs = json.dumps(self.lab.outputs(self.ids[1]))
        return drawn, 1e3 * float(outputs.split("read ")[1].split("\\n")[0])

    def frames(self, during: Callable[[], None]) -> dict[str, float]:
        """Return frames per second, and the longest time between two, while `during` is done."""
        self.lab.page.evaluate(COUNT_FRAMES)
        during()
        times = self.lab.page.evaluate(END_COUNT)
        gaps = [b - a for a, b in pairwise(times)]
        return {"fps": 1e3 * len(gaps) / sum(gaps), "worst_ms": max(gaps), "median_ms": statistics.median(gaps)}

    def pan(self) -> None:
        """Drag the tree to and fro."""
        mouse, box = self.lab.page.mouse, self.lab.widget.locator("[role=tree]").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse.move(x, y)
        mouse.down()
        until, step = time.monotonic() + self.options.seconds, 0
        while time.monotonic() < until:
            step += 1
            mouse.move(x + 90 * ((step % 40) / 20 - 1), y + 40 * ((step % 24) / 12 - 1))
        mouse.up()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    from playwright.sync_api import sync_playwright

    from tests.browser import lab as driver

    path = driver.browser_path()
    if path is None:
        raise SystemExit("no Chromium found: apt-get install chromium")
    found: dict[str, Any] = {"bundle_kb": len(gzip.compress(STATIC.read_bytes(), 9)) / 1e3}
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        folder, scratch = Path(home) / "notebooks", Path(home) / "scratch"
        folder.mkdir()
        store(Path(home) / "run", options.nodes)
        more = int(options.rate * options.seconds * 4)
        cells = [
            PREPARE.format(nodes=options.nodes, more=more), OPEN.format(folder=Path(home) / "run"), GROW,
            *(f"grown = growing.grow({options.rate}, {options.seconds})" for _ in range(2)),
            "meter.weigh(shown._publisher); growing.grow(100, 2).join(); time.sleep(1)\nprint('weighed')",
            "print('figures', meter.report())",
        ]  # fmt: skip
        ids = driver.write_notebook(folder / "widget.ipynb", *cells)
        with driver.server(folder, scratch=scratch) as address:
            browser = playwright.chromium.launch(executable_path=path, args=driver.CHROMIUM_OPTIONS)
            lab = driver.Lab(browser.new_page(viewport={"width": 1400, "height": 1000}), address)
            lab.open("widget.ipynb")
            page = Page(lab, options, ids)
            lab.run(ids[0])
            lab.wait_for_output(ids[0], "prepared")
            opens = []
            for _ in range(options.opens):
                opens.append(page.open_run())
                # The saved picture is drawn after that, in the kernel; it is not what is measured next.
                lab.page.wait_for_timeout(8_000)
            found["open_ms"] = statistics.median(drawn for drawn, _ in opens)
            found["read_ms"] = statistics.median(read for _, read in opens)
            found["pan"] = page.frames(page.pan)
            lab.js("panel.content.widgets.find(c => c.model.id === argument).model.clearExecution?.()", ids[1])
            lab.activate(ids[2])
            found["shown_ms"] = lab.page.evaluate(DRAWN, options.nodes)
            lab.page.wait_for_timeout(8_000)
            lab.run(ids[3])
            found["grow"] = page.frames(lambda: lab.page.wait_for_timeout(1e3 * options.seconds))
            lab.run(ids[4])
            found["grow_pan"] = page.frames(page.pan)
            lab.run(ids[5])
            lab.wait_for_output(ids[5], "weighed")
            lab.run(ids[6])
            lab.wait_for_output(ids[6], "figures")
            outputs = "".join(output["text"] for output in lab.outputs(ids[6]))
            found.update(json.loads(outputs.split("figures ", 1)[1]))
            found["strays"] = lab.stray_requests()
            lab.shut_down_kernels()
            browser.close()
    return found


def table(found: dict[str, Any], options: argparse.Namespace) -> str:
    """Return the figures as the rows of benchmarks/README.md."""

    def frames(name: str) -> str:
        one = found[name]
        return (
            f"**{one['fps']:.0f} per second**, median {one['median_ms']:.0f} ms apart, worst {one['worst_ms']:.0f} ms"
        )

    cpu = sorted(found["cpu_ms"])
    nodes = f"{options.nodes:,} nodes"
    rows = [
        ("stored run opened, from running the cell to drawn", f"**{found['open_ms']:.0f} ms**", "1,500 ms"),
        ("of which the kernel reads the store", f"{found['read_ms']:.0f} ms", ""),
        ("run in memory shown, from running the cell to drawn", f"{found['shown_ms']:.0f} ms", ""),
        (f"frames while panning {nodes}", frames("pan"), "30 per second"),
        (f"frames while {options.rate:g} nodes a second arrive", frames("grow"), "30 per second"),
        ("frames while they arrive and the tree is panned", frames("grow_pan"), ""),
        ("first state on the wire", f"{found['snapshot_bytes'] / found['snapshot_nodes']:.0f} bytes per node", ""),
        ("after it", f"**{found['delta_bytes'] / found['delta_nodes']:.0f} bytes per node**", "400 bytes"),
        (
            "kernel's CPU time per update",
            f"median {statistics.median(cpu):.1f} ms, p95 {cpu[int(0.95 * len(cpu))]:.1f} ms",
            "",
        ),
        ("widget bundle, gzipped", f"**{found['bundle_kb']:.1f} kB**", "120 kB"),
        ("requests to anything but the server", f"**{len(found['strays'])}**", "0"),
    ]
    head = f"| {nodes} | measured | promise |\n|---|---|---|\n"
    return head + "\n".join(f"| {what} | {how} | {promise} |" for what, how, promise in rows)


def main() -> None:
    """Measure once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--opens", type=int, default=3)
    options = parser.parse_args()
    print(table(measure(options), options))


if __name__ == "__main__":
    main()
