"""Side by side with peers: OpenEvolve, ShinkaEvolve and AIDE on the same tasks, with the same writer behind the API.

    python benchmarks/peers.py --home FOLDER --install
    python benchmarks/peers.py --home FOLDER [--peer NAME]... [--case NAME]... [--calls 25] [--latency 1]
    python benchmarks/peers.py --home FOLDER --write

Each peer lives in an environment of its own under FOLDER (made once, about 2 GB in all) and is driven as its
documentation says, with two workers where it can have two.  The model is a local server (`side_by_side/tasks.py`): it
changes the program that it is shown, after `latency` seconds, whoever asks.  Results are kept in FOLDER/results.jsonl;
`--write` puts the newest of each into `docs/peers.md`.

Cases: `circles` packs 26 circles; `table` fits a table of 200 MB of text; `faults` is `circles` with every fifth reply
bad; `milder` the same without programs that end their process.  What is measured:

- seconds per candidate: from the first call until the program has ended, for each candidate that it kept;
- core use: CPU-seconds of the kept candidates' own work, as share of both cores over that time;
- lost: good programs that the calls would have brought, without a value in the end;
- left: processes of the run that outlive it by two seconds.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent / "side_by_side"))

import psutil
from tasks import BAD, EVERY, MILD, Writer, make_table

from tests.support.openai_server import OpenAIServer, Scripted

HERE = Path(__file__).resolve().parent / "side_by_side"
SHARED = ("numpy", "scipy", "pandas", "scikit-learn")
"""All environments have these in the versions of this one: the candidates' own work costs the same."""
PEERS = {
    "score_nb": [],
    "openevolve": ["openevolve==0.4.0"],
    "shinka": ["shinka-evolve==0.0.7"],
    "aide": [
        "funcy==2.0", "humanize==4.8.0", "jsonschema==4.19.2", "openai>=1.69", "anthropic", "google-genai", "requests",
        "rich==13.7.0", "dataclasses_json", "omegaconf", "loguru==0.7.2", "shutup", "tqdm", "coolname", "igraph",
        "genson", "backoff", "python-dotenv", "black==24.3.0", "psutil",
    ],
}  # fmt: skip
AIDE = "aideml==0.2.2"
"""Installed without its dependencies, some of which (torch, torchtext, pandas 2.1.4) are of no use to the engine."""
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "circles": ("circles", ()), "table": ("table", ()), "faults": ("circles", tuple(BAD)), "milder": ("circles", MILD),
}  # fmt: skip
TOKENS = 150
LONGEST = 900
"""Seconds after which a run is stopped and said not to have ended."""


def install(home: Path, peer: str) -> None:
    """Make the environment of a peer, and the table of the second task."""
    if not (home / "table.csv").exists():
        make_table(str(home / "table.csv"))
    place = home / peer
    if peer == "score_nb" or (place / "installed").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pinned = [f"{name}=={version(name)}" for name in SHARED]
    subprocess.run([*pip, *PEERS[peer], *pinned], check=True)
    if peer == "aide":
        subprocess.run([*pip, "--no-deps", AIDE], check=True)
    (place / "installed").touch()


def environment(url: str) -> dict[str, str]:
    """Return what a run sees: one thread per numerical library, the server, no key."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}, **threads,
        "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none", "LOCAL_OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1", "SHINKA_PRICING_MODE": "offline",
    }  # fmt: skip


def run(home: Path, peer: str, case: str, *, calls: int, latency: float, workers: int) -> dict[str, Any]:
    """Return what one run of a peer came to."""
    task, faults = CASES[case]
    writer = Writer(task, peer, faults)

    def reply(body: Mapping[str, Any]) -> Scripted:
        answer = writer.reply(body)
        tokens = (TOKENS - 50, 50)
        if isinstance(answer, dict):
            return Scripted(tool=answer, latency=latency, tokens=tokens)
        return Scripted(answer, latency=latency, tokens=tokens)

    python = sys.executable if peer == "score_nb" else str(home / peer / "bin" / "python")
    with OpenAIServer(reply) as server, tempfile.TemporaryDirectory(dir=home) as folder:
        settings = {"task": task, "calls": calls, "workers": workers, "timeout": 15 if faults else 60,
                    "tokens": calls * TOKENS, "table": str(home / "table.csv")}  # fmt: skip
        (Path(folder) / "settings.json").write_text(json.dumps(settings))
        command = [python, str(HERE / f"drive_{peer}.py"), "settings.json"]
        began = time.monotonic()
        with (home / f"{peer}-{case}.log").open("w") as log:
            driver = subprocess.Popen(
                command, cwd=folder, env=environment(server.url), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
            ended = wait(driver)
        seconds = time.monotonic() - (server.received[0].at if server.received else began)
        left = clean_up()
        if not ended and peer == "shinka":  # its database holds what there was until then
            subprocess.run([*command, "--collect"], cwd=folder, env=environment(server.url), check=False)
        found = Path(folder) / "result.json"
        result = json.loads(found.read_text()) if found.exists() else {"kept": [], "note": "no result", "version": "?"}
        asked = [call.at for call in server.received]
    kept = result["kept"]
    return {
        "peer": peer, "case": case, "version": result["version"], "note": result["note"], "ended": ended, "left": left,
        "budget": calls, "load": os.getloadavg()[0], "calls": len(asked), "written": len(writer.served),
        "good": writer.served.count("good"), "kept": len(kept), "same": result.get("same", 0),
        "best": max((value for value, _ in kept), default=None), "work": sum(work for _, work in kept),
        "seconds": seconds, "start": asked[0] - began if asked else None, "latency": latency, "workers": workers,
        "cores": os.cpu_count(), "on": datetime.date.today().isoformat(),
    }  # fmt: skip


def wait(driver: subprocess.Popen[bytes]) -> bool:
    """Return whether the driver ended by itself; it is killed where it did not."""
    try:
        driver.wait(LONGEST)
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
        return False
    return True


def clean_up() -> int:
    """Return how many processes of a run are left two seconds after its end, and kill them.

    This process adopts them all (it is their subreaper), whatever session they began.
    """
    time.sleep(2)
    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    for child in left:
        child.kill()
    psutil.wait_procs(left, timeout=5)
    return len(left)


def adopt() -> None:
    """Make this process the parent of all below it whose own parent dies."""
    # A shell's background jobs ignore SIGINT, and hand that on: AIDE's time limit is a SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0):
        raise SystemExit("orphans cannot be counted here: the system refuses PR_SET_CHILD_SUBREAPER")


NAMES = {"score_nb": "score-nb", "openevolve": "OpenEvolve", "shinka": "ShinkaEvolve", "aide": "AIDE"}
WORDS = {
    "circles": "26 circles in a square",
    "table": "A table of 200 MB",
    "faults": "Circles, every fifth reply bad",
    "milder": "The same, without programs that end their process",
}


def tables(results: list[dict[str, Any]]) -> str:
    """Return the newest result of each peer and case as Markdown."""
    newest = {(result["case"], result["peer"]): result for result in results}
    days = " and ".join(sorted({result["on"] for result in newest.values()}))
    machine = f"{results[-1]['cores']} cores, {platform.system()}, Python {platform.python_version()}"
    lines = [f"Measured {days}; {machine}.", ""]
    for case, words in WORDS.items():
        rows = [newest[case, peer] for peer in PEERS if (case, peer) in newest]
        if not rows:
            continue
        lines += [
            f"### {words}", "",
            "| | calls | kept | lost | s per candidate | core use | best value | left | start, s | load |",
            "|---|---|---|---|---|---|---|---|---|---|", *map(line, rows), "",
        ]  # fmt: skip
    return "\n".join(lines)


def line(row: Mapping[str, Any]) -> str:
    """Return a peer's row."""
    each = f"{row['seconds'] / row['kept']:.2f}" if row["kept"] else "none"
    # One that asks again after a bad reply may have more calls than it was given.
    programs = max(row["budget"], row["calls"]) // (2 if row["peer"] == "aide" else 1)
    wanted = programs - (programs // EVERY if CASES[row["case"]][1] else 0)
    cells = (
        f"{NAMES[row['peer']]} {row['version']}",
        f"{row['calls']} of {row['budget']}" + ("" if row["ended"] else f", stopped after {LONGEST} s"),
        f"{row['kept']} of {wanted}",
        str(wanted - row["kept"] - row["same"]),
        each,
        f"{row['work'] / row['seconds'] / row['cores']:.0%}",
        f"{row['best']:.4f}" if row["best"] is not None else "none",
        str(row["left"]),
        f"{row['start']:.1f}" if row["start"] is not None else "none",
        f"{row['load']:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def write(text: str) -> None:
    """Put the tables into the page, between its marks."""
    page = HERE.parents[1] / "docs" / "peers.md"
    begin, end = "<!-- benchmarks/peers.py -->\n", "<!-- end -->"
    before, _, rest = page.read_text("utf-8").partition(begin)
    page.write_text(f"{before}{begin}\n{text}{end}{rest.partition(end)[2]}", "utf-8")


def main() -> None:
    """Install, measure or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="where environments, data, logs and results are kept")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the results into docs/peers.md")
    parser.add_argument("--peer", action="append", choices=list(PEERS))
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--calls", type=int, default=25)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    stored = home / "results.jsonl"
    if options.write:
        write(tables([json.loads(text) for text in stored.read_text().splitlines()]))
        return
    peers = options.peer or list(PEERS)
    if options.install:
        for peer in peers:
            install(home, peer)
        return
    if shutil.disk_usage(home).free < 2e9:
        raise SystemExit(f"less than 2 GB are free in {home}")
    adopt()
    for case in options.case or list(CASES):
        for peer in peers:
            result = run(
                home, peer, case, calls=options.calls, latency=options.latency, workers=options.workers
            )
            with stored.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(json.dumps(result))


if __name__ == "__main__":
    main()
