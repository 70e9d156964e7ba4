"""One GPU for each evaluation, and no driver within reach without `--gpus`; devices are mere names here."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from score_nb.config import Options, gpu_list
from score_nb.errors import BadOption
from score_nb.evaluate.gpus import Devices, devices_for, visible
from score_nb.evaluate.local import LocalEvaluator
from score_nb.evaluate.portable import PortableEvaluator
from score_nb.evaluate.process import ProcessEvaluator
from tests.evaluate.support import setup

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")

LOOK = """
import os, time
print(os.environ.get("CUDA_VISIBLE_DEVICES", "none"), time.monotonic())
time.sleep(0.1)
print(time.monotonic())
x = 1.0
"""


@pytest.fixture(autouse=True)
def _locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks of our own: what else runs on this machine has nothing to do with it."""
    monkeypatch.setenv("SCORE_NB_GPU_LOCKS", str(tmp_path))


def spans(logs: list[str]) -> dict[str, list[tuple[float, float]]]:
    """Return when each device was in use, as seen from inside the candidates."""
    found: dict[str, list[tuple[float, float]]] = {}
    for log in logs:
        device, start, end = log.split()
        found.setdefault(device, []).append((float(start), float(end)))
    return {device: sorted(times) for device, times in found.items()}


@on_linux
@pytest.mark.parametrize("kind", [LocalEvaluator, PortableEvaluator])
def test_no_two_candidates_share_a_device(kind: type[ProcessEvaluator]) -> None:
    evaluator = kind(setup(gpus=("0", "GPU-5e1f"), workers=4))
    try:
        evaluator.start()
        with ThreadPoolExecutor(4) as pool:
            logs = [found.log for found in pool.map(evaluator.evaluate, [LOOK] * 6)]
    finally:
        evaluator.close()
    used = spans(logs)
    assert used.keys() == {"0", "GPU-5e1f"}
    for times in used.values():
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(times))


@on_linux
def test_device_comes_back_after_a_kill_and_a_timeout() -> None:
    evaluator = LocalEvaluator(setup(gpus=("3",), timeout=0.5))
    try:
        evaluator.start()
        for end in ("import ctypes\nctypes.string_at(0)", "while True:\n    pass", "x = 1 / 0"):
            assert evaluator.evaluate(end).status in ("crashed", "timeout", "error")
        assert evaluator.evaluate(LOOK).log.startswith("3 ")
    finally:
        evaluator.close()


@on_linux
def test_scorer_sees_the_device_of_its_candidate() -> None:
    cell = "import os\ndef metric(x):\n    return float(os.environ['CUDA_VISIBLE_DEVICES'])"
    evaluator = LocalEvaluator(setup(cell, scorer="metric os", gpus=("7",)))
    try:
        evaluator.start()
        assert evaluator.evaluate("x = 0").value == 7.0
    finally:
        evaluator.close()


@on_linux
def test_without_gpus_candidates_are_told_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    evaluator = LocalEvaluator(setup())
    try:
        evaluator.start()
        assert evaluator.evaluate(LOOK).log.startswith("none ")
    finally:
        evaluator.close()


def test_closing_ends_the_wait_for_a_device() -> None:
    devices, closing = Devices(("0",)), threading.Event()
    with devices.one(closing) as first, ThreadPoolExecutor(1) as pool:
        assert first == "0"
        waiting = pool.submit(lambda: devices.one(closing).__enter__())
        closing.set()
        assert waiting.result() is None


OTHER = """
import sys, threading
from score_nb.evaluate.gpus import Devices
with Devices(("0", "1")).one(threading.Event()) as device:
    print(device, flush=True)
    sys.stdin.read()
"""


@on_linux
def test_other_processes_keep_away_and_give_back_when_they_are_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"0\n"
        closing = threading.Event()
        with Devices(("0", "1")).one(closing) as ours:
            assert ours == "1"
        other.kill()
    with Devices(("0",)).one(closing) as ours:
        assert ours == "0"


@pytest.mark.parametrize(
    ("option", "environ", "devices"),
    [
        ("2", {}, ("0", "1")),
        ("2", {"CUDA_VISIBLE_DEVICES": "4,GPU-1a,6"}, ("4", "GPU-1a")),
        ("1", {"CUDA_VISIBLE_DEVICES": "2,-1,3"}, ("2",)),
        ("0,2", {"CUDA_VISIBLE_DEVICES": "4"}, ("0", "2")),
        ("0,", {}, ("0",)),
        ("MIG-1a/2/0", {}, ("MIG-1a/2/0",)),
    ],
)
def test_option_names_devices(option: str, environ: Mapping[str, str], devices: tuple[str, ...]) -> None:
    assert devices_for(option, environ) == devices


def test_more_devices_than_are_visible_are_refused() -> None:
    with pytest.raises(BadOption, match=r"--gpus 3: CUDA_VISIBLE_DEVICES shows this process 1 \(5\)"):
        devices_for("3", {"CUDA_VISIBLE_DEVICES": "5"})
    assert visible({"CUDA_VISIBLE_DEVICES": ""}) == ()
    assert visible({}) is None


@pytest.mark.parametrize("text", ["0", "-1", "1,1", "all", ",", "1.5"])
def test_what_names_no_devices_is_refused(text: str) -> None:
    with pytest.raises(BadOption, match="--gpus takes how many devices"):
        gpu_list(text)


@pytest.mark.parametrize(("given", "workers"), [({}, 2), ({"workers": 1}, 1), ({"workers": 8}, 2)])
def test_no_more_evaluations_at_once_than_devices(given: dict[str, int], workers: int) -> None:
    assert Options(gpus="2", **given).n_workers == workers
    assert Options(gpus="0,2", **given).n_workers == workers


CONFINED = """
import fcntl, os, sys
from score_nb.evaluate.confine import SYSTEM, Ruleset, confine
from score_nb.evaluate.grants import Grants
layers = confine(Ruleset([SYSTEM, Grants(devices=tuple(sys.argv[2:]))]), sys.argv[1])
assert not any(layers.values()), layers
try:
    os.close(os.open("/dev/zero", os.O_RDWR))
    print("opened")
except PermissionError:
    print("refused")
for request in (0xC0204600, 0x30000001, 37, 0x5412):
    try:
        fcntl.ioctl(99, request)
    except OSError as error:
        print(error.errno)
"""


@on_linux
@pytest.mark.parametrize(
    # EBADF: the request reached the system, which knows no such descriptor; ENOTTY: it was answered by the filter.
    ("devices", "said"), [((), ["refused", *["25"] * 4]), (("/dev/zero",), ["opened", "9", "9", "9", "25"])]
)
def test_drivers_files_and_requests_pass_only_where_devices_are_granted(
    devices: tuple[str, ...], said: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", CONFINED, str(tmp_path), *devices]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.stdout.split() == said, answer.stderr
