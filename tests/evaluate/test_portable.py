"""Single-use workers for systems without forks keep the contract, confine where they can, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate import attempts
from score_nb.evaluate.base import Confinement, Evaluator, EvaluatorSetup
from score_nb.evaluate.choose import ElsePortable
from score_nb.evaluate.local import LocalEvaluator
from score_nb.evaluate.portable import PortableEvaluator, probe
from score_nb.types import Evaluation
from tests.evaluate.contract import EvaluatorContract
from tests.evaluate.support import SUM, below, setup
from tests.evaluate.test_life import alive, open_fds, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what is looked at afterwards is Linux's"),
    pytest.mark.slow,
]

DRIVER = """
import sys, threading
from tests.evaluate.support import setup
from score_nb.evaluate.portable import PortableEvaluator
evaluator = PortableEvaluator(setup(timeout=60))
evaluator.start()
source = '''
import signal, threading
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
print("at work", flush=True)
while True:
    pass
'''
threading.Thread(target=lambda: evaluator.evaluate(source), daemon=True).start()
print(evaluator._place.folder, flush=True)
sys.stdin.read()
"""
# A system with neither forks nor what only Linux has; sockets go over the loopback interface, as on Windows.
CRIPPLED = """
import importlib.abc, mmap, os, select, signal, socket, sys
import anywidget, asyncio, concurrent.futures.thread, IPython, ipywidgets, joblib, numpy, pandas, psutil, subprocess

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "termios", "pwd", "grp"):
            raise ImportError(name)

def loopback(*_):
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        return here, server.accept()[0]

def cripple(platform):
    sys.meta_path.insert(0, Missing())
    for name in ("fcntl", "resource", "termios", "pwd", "grp"):
        sys.modules.pop(name, None)
    gone = {
        os: "fork forkpty memfd_create pipe2 pread pwrite setsid waitid pidfd_open wait4 O_PATH "
            "MFD_CLOEXEC eventfd splice copy_file_range sched_getaffinity posix_fallocate",
        select: "poll epoll POLLIN POLLHUP", signal: "SIGKILL SIGCHLD SIGXCPU SIGSTOP set_wakeup_fd",
        socket: "AF_UNIX SOCK_SEQPACKET SCM_RIGHTS send_fds recv_fds", mmap: "MAP_NORESERVE",
    }
    for module, names in gone.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    socket.socketpair = loopback
    sys.platform = platform
"""
EVALUATE = """
cripple("sunos5")
sys.path.insert(0, {root!r})
from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.choose import evaluator_for
data = numpy.arange(60_000.0)
def metric(x):
    return float(x(data).sum())
evaluator = evaluator_for(EvaluatorSetup(
    seed="x = abs", outputs=("x",), parameters=("x",), inputs={{"data": data}}, scorer={{"metric": metric}},
    metric="metric", timeout=60.0, memory=1024, folder={folder!r},
))
evaluator.prepare()
try:
    evaluator.start()
    for source in ("print('here')\\ndef x(rows):\\n    return rows[:2] + data[2]", "import os\\nos._exit(3)"):
        found = evaluator.evaluate(source)
        print(found.status, found.value, found.detail, found.log)
finally:
    evaluator.close()
"""
# The ends of helpers and forks on Linux: whatever else is in the package must be importable anywhere.
ONLY_LINUX = [
    f"score_nb.evaluate.{name}"
    for name in (
        "canary", "confine", "forked", "fresh", "host", "local", "nursery", "reaper", "stem", "worker", "zygote",
    )
]  # fmt: skip
IMPORT_ALL = """
import ctypes, pkgutil, importlib, papermill, nbconvert, openai, altair, PIL.Image, distributed
cripple("win32")
import score_nb
only_linux = set({only_linux!r})
for found in pkgutil.walk_packages(score_nb.__path__, "score_nb."):
    if found.name not in only_linux and not found.name.endswith("__main__"):
        importlib.import_module(found.name)
loaded = only_linux & set(sys.modules)
print("loaded:", sorted(loaded))
"""


@contextlib.contextmanager
def running(what: EvaluatorSetup) -> Iterator[PortableEvaluator]:
    """Start an evaluator and close it afterwards."""
    evaluator = PortableEvaluator(what)
    try:
        evaluator.start()
        yield evaluator
    finally:
        evaluator.close()


class TestPortableEvaluator(EvaluatorContract):
    @classmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        return PortableEvaluator(what)


# --- confinement ---------------------------------------------------------------------------------------------------


def test_confinement_is_full_where_the_system_has_the_means() -> None:
    with running(setup()) as evaluator:
        if evaluator.confinement.level != "full":
            pytest.skip(f"confinement is only {evaluator.confinement}")
        assert probe() == evaluator.confinement
        for source in ("open('/etc/shadow')", "import os\nos.fork()", "import socket\nsocket.socket()"):
            assert evaluator.evaluate(source).status == "forbidden"


def test_attempts_succeed_where_nothing_confines(tmp_path: Path) -> None:
    yours, hidden = tmp_path / "yours", tmp_path / "hidden"
    for path in (yours, hidden):
        path.write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        order = {
            "own": str(tmp_path), "yours": str(yours), "hidden": str(hidden), "port": server.getsockname()[1],
            "kernel": os.getpid(),
        }  # fmt: skip
        held = attempts.make(order)
    assert not any(held.values())
    found = attempts.confinement(held, {"seatbelt": "switched off"})
    assert found.level == "none"
    assert found.layers["network"] == "network connections can be opened; seatbelt: switched off"


def test_level_says_whether_all_some_or_nothing_holds() -> None:
    names = (attempts.READING, attempts.WRITING, attempts.HIDDEN, attempts.NETWORK, attempts.PROCESSES)
    everything = dict.fromkeys(names, True)
    assert attempts.confinement(everything, {}) == Confinement("full", dict.fromkeys(names, ""))
    assert attempts.confinement(everything | {attempts.NETWORK: False}, {}).level == "partial"
    assert attempts.confinement(dict.fromkeys(names, False) | {attempts.HIDDEN: True}, {}).level == "none"


def test_candidate_has_neither_variables_of_the_user_nor_more_than_its_own_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_TOKEN", "very-secret")
    source = (
        "import os\nassert 'MY_TOKEN' not in os.environ and os.environ['HOME'] == os.getcwd()\n"
        "x = float(sum(os.path.exists(f'/proc/self/fd/{n}') for n in range(1000)))"
    )
    with running(setup()) as evaluator:
        found = evaluator.evaluate(source)
        # Standard streams, the log's own, liveness, kernel, scorer, and what the maps of two arenas and an input hold.
        assert found.status == "ok", found.detail
        assert found.value is not None
        assert found.value <= 10


# --- other systems -------------------------------------------------------------------------------------------------


def crippled(script: str) -> str:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CRIPPLED + script], cwd=root, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_package_can_be_imported_where_nothing_of_posix_is() -> None:
    assert crippled(IMPORT_ALL.format(only_linux=ONLY_LINUX)).strip() == "loaded: []"


def test_candidates_run_where_linux_has_nothing_of_its_own(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    said = crippled(EVALUATE.format(root=root, folder=str(tmp_path)))
    # 0 + 2 and 1 + 2
    assert said.splitlines() == ["ok 5.0  here", "", "crashed None left with exit code 3 (os._exit) "]


def test_what_cannot_be_started_is_done_as_on_other_systems() -> None:
    class Broken(LocalEvaluator):
        def _boot(self) -> Confinement:
            raise EvaluatorBroken("no forks here")

    evaluator = ElsePortable(Broken(setup("import numpy as np\ndata = np.arange(3.0)\n" + SUM, inputs="data")))
    try:
        evaluator.prepare()
        evaluator.start()
        assert evaluator.evaluate("x = data.sum()").value == 3.0
    finally:
        evaluator.close()


def test_value_that_cannot_be_rebuilt_is_named() -> None:
    cell = "def fail():\n    raise OSError('no such device')\nclass Probe:\n    def __reduce__(self):\n"
    what = setup(cell + "        return fail, ()\nprobe = Probe()\n" + SUM, inputs="probe")
    said = r"`probe` was sent to .* \(OSError: no such device\): .* --hide probe"
    with pytest.raises(BadInput, match=said), running(what):
        pass


# --- life and death ------------------------------------------------------------------------------------------------


def test_close_leaves_no_process_descriptor_or_folder() -> None:
    with running(setup()):  # whatever is opened once for all
        pass
    before, processes = open_fds(), below(os.getpid())
    with running(setup()) as evaluator:
        assert evaluator._place is not None
        folder = Path(evaluator._place.folder)
        for source in ("open('left', 'w').write('x')\nimport os\nos.mkdir('shut', 0)\nx = 1.0", "1/0"):
            evaluator.evaluate(source)
    assert until(lambda: below(os.getpid()) == processes)
    assert until(lambda: open_fds() == before)
    assert not folder.exists()


def test_kernel_killed_with_9_leaves_nothing() -> None:
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdin is not None
    assert driver.stdout is not None
    with driver.stdin, driver.stdout:
        folder = Path(driver.stdout.readline().strip())
        assert until(lambda: len(below(driver.pid)) >= 5, 30)  # the warden, a pair at work, a pair that waits
        helpers = below(driver.pid)
        driver.kill()
        driver.wait()
        assert until(lambda: not alive(helpers), 30)
        assert until(lambda: not folder.exists(), 30)


def test_all_helpers_killed_in_the_middle_do_not_lose_the_evaluation() -> None:
    before = below(os.getpid())
    with running(setup()) as evaluator:
        assert evaluator._place is not None
        folder = Path(evaluator._place.folder)
        results: list[Evaluation] = []
        source = "open('begun', 'w').close()\nimport time\ntime.sleep(1.0)\nx = 3.0"
        thread = threading.Thread(target=lambda: results.append(evaluator.evaluate(source)))
        thread.start()
        assert until(lambda: any(folder.glob("*/begun")), 30)
        for pid in below(os.getpid()) - before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        thread.join(60)
        assert [found.value for found in results] == [3.0]
        assert evaluator.evaluate("x = 4.0").value == 4.0
    assert until(lambda: below(os.getpid()) == before)
    assert not folder.exists()


def test_fork_of_the_kernel_does_not_keep_workers_alive() -> None:
    before = below(os.getpid())
    evaluator = PortableEvaluator(setup())
    evaluator.start()
    helpers = below(os.getpid()) - before
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        evaluator.close()
        assert until(lambda: not alive(helpers), 30)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with running(setup()) as evaluator:
        evaluator.evaluate("print('hello')\nimport sys\nprint('oh', file=sys.stderr)\nx = 1.0")
    assert capfd.readouterr() == ("", "")
