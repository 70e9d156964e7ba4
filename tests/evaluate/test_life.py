"""Nothing of an evaluator survives: not its close, not the death of the kernel, of a helper, or of itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate.local import LocalEvaluator
from score_nb.evaluate.probe import probe
from tests.evaluate.support import below, setup, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")

DRIVER = '''
import sys, threading
from tests.evaluate.support import setup
from score_nb.evaluate.local import LocalEvaluator
evaluator = LocalEvaluator(setup(workers=2, timeout=60))
evaluator.start()
source = """
import signal
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
for _ in range(2):
    threading.Thread(target=lambda: evaluator.evaluate(source), daemon=True).start()
print(evaluator._host.scratch, flush=True)
sys.stdin.read()
'''


def until(condition: object, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def alive(pids: set[int]) -> set[int]:
    """Return those that run; a zombie that an ancestor outside has not collected yet holds nothing."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if state not in (b"Z", b"X"):
            found.add(pid)
    return found


def open_fds() -> set[str]:
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.add(fd + os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            continue
    return found


def test_close_leaves_no_process_descriptor_or_folder() -> None:
    with started(setup()):  # whatever is opened once for all
        pass
    before, processes = open_fds(), below(os.getpid())
    with started(setup()) as evaluator:
        assert evaluator._host is not None
        scratch = Path(evaluator._host.scratch)
        for source in ("x = 1.0", "open('left', 'w').write('x')\nimport os\nos.mkdir('shut', 0)\nx = 1.0", "1/0"):
            evaluator.evaluate(source)
        assert until(lambda: list(scratch.iterdir()) == [])
    assert below(os.getpid()) == processes
    assert open_fds() == before
    assert not scratch.exists()


def test_driver_killed_with_9_leaves_nothing() -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdin is not None
    assert driver.stdout is not None
    with driver.stdin, driver.stdout:
        scratch = Path(driver.stdout.readline().strip())
        assert until(lambda: len(below(driver.pid)) >= 6)
        helpers = below(driver.pid)
        driver.kill()
        driver.wait()
        assert until(lambda: not alive(helpers))
        assert until(lambda: not scratch.exists())


@pytest.mark.parametrize("victim", ["reaper", "stem", "zygotes"])
def test_killed_helper_is_replaced_and_leaves_nothing(victim: str) -> None:
    with started(setup()) as evaluator:
        helpers = below(os.getpid())
        assert evaluator.evaluate("x = 1.0").value == 1.0
        reaper = evaluator._host._process.pid  # type: ignore[union-attr]
        stem = below(reaper) - set().union(*(below(pid) for pid in below(reaper)))
        chosen = {"reaper": {reaper}, "stem": stem, "zygotes": below(reaper) - stem}[victim]
        for pid in chosen:
            with contextlib.suppress(ProcessLookupError):  # a child of the last evaluation may just be going
                os.kill(pid, signal.SIGKILL)
        assert evaluator.evaluate("x = 2.0").value == 2.0
        assert until(lambda: not alive(chosen))
    assert until(lambda: not alive(helpers))


def test_zygote_killed_in_the_middle_does_not_lose_the_evaluation() -> None:
    with started(setup()) as evaluator:
        import threading

        values: list[object] = []
        source = "import time\ntime.sleep(0.5)\nx = 3.0"
        thread = threading.Thread(target=lambda: values.append(evaluator.evaluate(source).value))
        thread.start()
        time.sleep(0.25)
        reaper = evaluator._host._process.pid  # type: ignore[union-attr]
        for pid in below(reaper):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        thread.join(15)
        assert values == [3.0]


def test_interrupt_of_the_kernels_group_reaches_no_candidate() -> None:
    with started(setup()) as evaluator:
        for pid in below(os.getpid()):
            assert os.getpgid(pid) != os.getpgid(0)
        assert evaluator.evaluate("x = 1.0").value == 1.0


def test_forked_copy_of_the_kernel_does_not_keep_the_helpers_alive() -> None:
    evaluator = LocalEvaluator(setup())
    evaluator.start()
    helpers = below(os.getpid())
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        evaluator.close()
        assert until(lambda: not alive(helpers), 20.0)  # while the copy still lives
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_four_of_twenty_never_end() -> None:
    with started(setup(timeout=1.5)) as evaluator:
        sources = ["while True:\n    pass" if n % 5 == 2 else f"x = {n}.0" for n in range(20)]
        statuses = [evaluator.evaluate(source).status for source in sources]
        assert statuses.count("timeout") == 4
        assert statuses.count("ok") == 16
        # Reaper, stem, and two zygotes, each with at most two children that wait for an order.
        assert until(lambda: len(below(os.getpid())) <= 8)
    assert below(os.getpid()) == set()


def test_close_before_start_and_twice() -> None:
    evaluator = LocalEvaluator(setup())
    evaluator.prepare()
    evaluator.close()
    evaluator.close()
    with pytest.raises(EvaluatorBroken):
        evaluator.start()


def test_probe_tells_each_layer_by_doing() -> None:
    found = probe()
    assert set(found.layers) == {"no_new_privs", "landlock", "seccomp", "rlimits"}
    assert (found.level == "full") == (not any(found.layers.values()))
    assert below(os.getpid()) == set()


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with started(setup()) as evaluator:
        evaluator.evaluate("print('hello')\nimport sys\nprint('oh', file=sys.stderr)\nx = 1.0")
    assert capfd.readouterr() == ("", "")
