"""What only macOS or Windows has, as far as it can be checked from here; and what stands in for Linux's own means."""

from __future__ import annotations

import ast
import ctypes
import inspect
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from score_nb.evaluate import barrier, gauge, seatbelt, streams, transport, verdict, windows
from score_nb.evaluate.grants import Grants
from score_nb.evaluate.transport import PacketLine
from score_nb.evaluate.watch import Findings

# --- Seatbelt --------------------------------------------------------------------------------------------------------

GRANTS = Grants(trees=('/opt/my "env"', "/opt/(x)"), files=("/data/a.csv",), listed=("/data",))


def expressions(text: str) -> list[str]:
    """Return the top-level expressions of a profile."""
    found, depth, begin, in_string = [], 0, 0, False
    for at, letter in enumerate(text):
        if letter == '"':
            in_string = not in_string
        elif not in_string and letter in "()":
            if letter == "(" and depth == 0:
                begin = at
            depth += 1 if letter == "(" else -1
            assert depth >= 0
            if depth == 0:
                found.append(text[begin : at + 1])
    assert depth == 0
    assert not in_string
    return found


def test_profile_denies_all_that_it_does_not_name() -> None:
    text, _ = seatbelt.profile(GRANTS, "/private/scratch")
    rules = expressions(text)
    assert rules[:2] == ["(version 1)", "(deny default)"]
    heads = [re.split(r" \(|\)", rule)[0] for rule in rules[2:]]
    allowed = {word for head in heads if head.startswith("(allow") for word in head.split()[1:]}
    assert allowed == {
        "process-info-pidinfo", "process-info-setcontrol", "signal", "sysctl-read", "file-read-metadata",
        "file-write-data", "mach-lookup", "ipc-posix-shm-read*", "ipc-posix-shm*", "file-read*", "file-write*",
    }  # fmt: skip
    assert not re.search(r"network|process-fork|process-exec|\(allow default", text)


def test_profile_lets_write_in_the_scratch_folder_alone() -> None:
    text, parameters = seatbelt.profile(GRANTS, "/private/scratch")
    writing = [rule for rule in expressions(text) if "file-write" in rule]
    assert writing == [
        '(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))',
        '(allow file-read* file-write* (subpath (param "OWN")))',
    ]
    assert parameters["OWN"] == "/private/scratch"


def test_profile_reads_what_is_granted_and_names_no_path_in_its_text() -> None:
    text, parameters = seatbelt.profile(GRANTS, "/private/scratch")
    assert sorted(re.findall(r'\(param "(\w+)"\)', text)) == sorted(parameters)
    kinds = {parameters[name]: kind for kind, name in re.findall(r'file-read\* \((\w+) \(param "(\w+)"', text)}
    assert [kinds[path] for path in (*GRANTS.trees, *GRANTS.files, *GRANTS.listed)] == [
        "subpath", "subpath", "literal", "literal",
    ]  # fmt: skip
    assert kinds["/"] == "literal"  # its names, not all files
    assert "my" not in text


@pytest.mark.skipif(sys.platform == "darwin", reason="it would confine the tests")
def test_missing_seatbelt_is_told() -> None:
    assert seatbelt.enforce(Grants(), "/").startswith("this system has no Seatbelt")


def test_unknown_system_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "sunos5")
    assert barrier.enforce(Grants(), "/") == {"sandbox": "none is known for the system sunos5"}


# --- Windows ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="sizes of 64 bits")
def test_structures_have_the_documented_layout() -> None:
    assert ctypes.sizeof(windows.BasicLimits) == 64
    assert windows.BasicLimits.LimitFlags.offset == 16
    assert windows.BasicLimits.ActiveProcessLimit.offset == 40
    assert windows.BasicLimits.Affinity.offset == 48
    assert ctypes.sizeof(windows.IoCounters) == 48
    assert [name for name, _ in windows.IoCounters._fields_] == [
        "ReadOperationCount", "WriteOperationCount", "OtherOperationCount", "ReadTransferCount", "WriteTransferCount",
        "OtherTransferCount",
    ]  # fmt: skip
    assert ctypes.sizeof(windows.ExtendedLimits) == 144
    assert windows.ExtendedLimits.ProcessMemoryLimit.offset == 112
    assert ctypes.sizeof(windows.MandatoryLabel) == 16
    assert ctypes.sizeof(gauge.RusageInfoV4) == 16 + 35 * 8
    assert gauge.RusageInfoV4.ri_phys_footprint.offset == 16 + 7 * 8
    assert gauge.RusageInfoV4.ri_lifetime_max_phys_footprint.offset == 16 + 28 * 8


def test_job_holds_one_process_that_ends_with_it() -> None:
    plain, with_memory = windows.limits(), windows.limits(1 << 30)
    assert plain.BasicLimitInformation.LimitFlags == 0x8 | 0x400 | 0x2000
    assert with_memory.BasicLimitInformation.LimitFlags == 0x8 | 0x100 | 0x400 | 0x2000
    assert plain.BasicLimitInformation.ActiveProcessLimit == 1
    assert (plain.ProcessMemoryLimit, with_memory.ProcessMemoryLimit) == (0, 1 << 30)


def test_every_function_of_windows_that_is_called_has_its_types() -> None:
    # A handle that ctypes takes for an int is cut to 32 bits.
    declared = {name for functions in windows.SIGNATURES.values() for name in functions}
    called = (
        {
            node.attr
            for node in ast.walk(ast.parse(inspect.getsource(windows)))
            if isinstance(node, ast.Attribute) and re.fullmatch(r"[A-Z][a-z]+[A-Z]\w+", node.attr)
        }
        - {name for name, _ in [*windows.BasicLimits._fields_, *windows.ExtendedLimits._fields_]}
        - {"WinDLL", "WinError"}
    )
    assert called == declared


@pytest.mark.skipif(sys.platform == "win32", reason="it would lower the integrity of the tests")
def test_missing_windows_is_told() -> None:
    assert "library of Windows" in windows.lower_integrity()
    with pytest.raises(OSError, match="library of Windows"):
        windows.Job()


def test_ends_of_all_systems_are_named() -> None:
    def detail(code: int) -> str:
        limits = verdict.Limits(1.0, 100)
        return verdict.judge(Findings(status=code), limits, ()).detail

    assert detail(3) == "left with exit code 3 (os._exit)"
    assert detail(-11) == "killed by SIGSEGV"
    assert detail(0xC0000005) == "killed by Windows (access violation)"
    assert detail(0xC0000999) == "killed by Windows (0xc0000999)"


# --- what stands in for Linux's own means ----------------------------------------------------------------------------


def test_packets_stay_apart_on_a_stream() -> None:
    here, there = transport.socket_pair()
    with here, there:
        PacketLine(here).send(b"one")
        PacketLine(here).send(b"x" * 65_536)
        here.shutdown(socket.SHUT_WR)
        buffer = memoryview(bytearray(65_536))
        line = PacketLine(there)
        assert bytes(buffer[: line.recv_into(buffer)]) == b"one"
        assert line.recv_into(buffer) == 65_536
        assert line.recv_into(buffer) == 0


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff1", b"\0\0\0\0", b"\5\0\0\0abc"])
def test_packet_that_is_none_ends_the_line(data: bytes) -> None:
    here, there = transport.socket_pair()
    with here, there:
        here.sendall(data)
        here.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            PacketLine(there).recv_into(memoryview(bytearray(100)))


def test_packet_to_a_side_that_ended_is_a_broken_pipe() -> None:
    here, there = transport.socket_pair()
    there.close()
    with here, pytest.raises(BrokenPipeError):
        PacketLine(here).send(b"x" * 4_000_000)


def test_held_file_can_be_written_once_and_takes_what_is_written(tmp_path: Path) -> None:
    file = transport.HeldFile(str(tmp_path), 1 << 30)
    reader = transport.take_file({"fd": os.dup(file.given()["fd"])}) if "fd" in file.given() else -1
    before = file.used_kib()
    os.write(file.writing, b"x" * 100_000)
    os.fsync(file.writing)
    assert before < 64 <= file.used_kib() < 1024
    file.finish()
    if reader >= 0:
        assert os.read(reader, 10) == b"x" * 10
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(reader, b"y")
        os.close(reader)
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_log_is_read_as_it_grows(tmp_path: Path) -> None:
    log = transport.LogFile(str(tmp_path))
    assert log.read() == b""
    os.write(log.writing, b"one")
    assert log.read() == b"one"
    os.ftruncate(log.writing, 0)
    os.write(log.writing, b"two, after the writer cut it short")
    assert log.read() in (b", after the writer cut it short",)
    log.close()


def test_select_serves_where_there_is_no_poll() -> None:
    here, there = transport.socket_pair()
    with here, there:
        poll = streams.SelectPoll()
        poll.register(here)
        assert poll.poll(0) == []
        threading.Thread(target=there.sendall, args=(b"x",)).start()
        assert poll.poll(10_000) == [(here.fileno(), streams.READABLE)]
        poll.unregister(here)
        poll.register(there.fileno())
        assert poll.poll(0) == []


def test_gauge_of_any_system_sees_memory_and_time_of_another_process() -> None:
    source = "import sys\nheld = bytearray(60 << 20)\nheld[::4096] = b'x' * len(held[::4096])\n"
    source += "print(1, flush=True)\nsys.stdin.read()"
    meter = gauge.PsutilGauge()
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 60 * 1024 < meter.private_kib(process.pid) < 120 * 1024
        assert 0 < meter.cpu_s(process.pid) < 20
        assert meter.threads(process.pid) == 1
        process.communicate()
    assert meter.private_kib(process.pid) == 0
    assert meter.cpu_s(process.pid) == 0.0
