"""The filter answers as its tables say, on both processors; a small interpreter runs it here."""

from __future__ import annotations

import platform
import struct

import pytest

from score_nb.evaluate import seccomp

ALLOW, EPERM, ENOSYS, PRETEND = 0x7FFF0000, 0x00050001, 0x00050026, 0x00050000
ENOTTY, EOPNOTSUPP = 0x00050019, 0x0005005F
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PID = 4242


def answer(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """Run a classic BPF program over one system call."""
    data = struct.pack("=iIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    lines = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    value, at = 0, 0
    while True:
        code, yes, no, operand = lines[at]
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            value &= operand
        elif code == 0x05:
            at += operand
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += yes if holds else no


@pytest.fixture(params=list(ARCH))
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return str(request.param)


def ask(machine: str, by_machine: tuple[int | None, int | None], *arguments: int, abi: int = 7) -> int:
    number = by_machine[list(ARCH).index(machine)]
    assert number is not None
    return answer(seccomp.program(PID, landlock_abi=abi), ARCH[machine], number, *arguments)


READ, OPENAT, CLONE, KILL, PRCTL, PRLIMIT = (0, 63), (257, 56), (56, 220), (62, 129), (157, 167), (302, 261)
SOCKETPAIR, SENDTO, FCNTL, FCHMOD, CLONE3 = (53, 199), (44, 206), (72, 25), (91, 52), (435, 435)


def test_ordinary_calls_pass(machine: str) -> None:
    for call in (READ, OPENAT, (1, 64), (9, 222), (202, 98), (231, 94)):  # write, mmap, futex, exit_group
        assert ask(machine, call) == ALLOW


def test_every_listed_call_is_answered_as_its_table_says(machine: str) -> None:
    tables = [(t, EPERM) for t in (seccomp._PROCESSES, seccomp._NETWORK, seccomp._KERNEL, seccomp._OUTLIVING)]
    tables += [(seccomp._MISSING, ENOSYS), (seccomp._UNSUPPORTED, EOPNOTSUPP), (seccomp._PRETENDED, PRETEND)]
    for table, expected in tables:
        for name, call in table.items():
            if call[list(ARCH).index(machine)] is not None:
                assert ask(machine, call) == expected, name


def test_other_architectures_and_later_calls_are_refused(machine: str) -> None:
    program = seccomp.program(PID, landlock_abi=7)
    assert answer(program, 0x40000003, 5) == EPERM  # the 32-bit calls of x86
    assert answer(program, ARCH[machine], 0x40000000 + 41) == ENOSYS  # x32
    assert answer(program, ARCH[machine], 463) == ENOSYS


def test_threads_are_allowed_and_processes_are_not(machine: str) -> None:
    assert ask(machine, CLONE, 0x3D0F00) == ALLOW  # what pthread_create asks for
    assert ask(machine, CLONE, 17) == EPERM
    assert ask(machine, CLONE3) == ENOSYS


def test_signals_go_to_the_process_itself_only(machine: str) -> None:
    assert ask(machine, KILL, PID, 15) == ALLOW
    for pid in (1, 0, 2**64 - 1, 2**32 - PID):
        assert ask(machine, KILL, pid, 9) == EPERM


def test_arguments_are_looked_at_in_full(machine: str) -> None:
    assert ask(machine, PRLIMIT, 0, 3, 0) == ALLOW
    assert ask(machine, PRLIMIT, 0, 3, 1) == EPERM
    assert ask(machine, PRLIMIT, 0, 3, 1 << 40) == EPERM  # a pointer whose low half is zero
    assert ask(machine, SENDTO, 3, 0, 0, 0, 0) == ALLOW
    assert ask(machine, SENDTO, 3, 0, 0, 0, 1 << 40) == EPERM
    assert ask(machine, SOCKETPAIR, 1, 0o2000001) == ALLOW  # SOCK_STREAM | SOCK_CLOEXEC
    assert ask(machine, SOCKETPAIR, 1, 2) == EPERM
    assert ask(machine, SOCKETPAIR, 30, 1) == EPERM  # TIPC
    assert ask(machine, PRCTL, 15) == ALLOW
    assert ask(machine, PRCTL, 1) == EPERM
    assert ask(machine, FCNTL, 3, 3) == ALLOW
    assert ask(machine, FCNTL, 3, 8) == EPERM


def test_nothing_is_opened_for_writing_where_files_cannot_be_confined(machine: str) -> None:
    for flags, expected in ((0, ALLOW), (0o1, EPERM), (0o2, EPERM), (0o100, EPERM), (0o1000, EPERM)):
        assert ask(machine, OPENAT, 0, 0, flags, abi=0) == expected
        assert ask(machine, OPENAT, 0, 0, flags, abi=3) == ALLOW
    assert ask(machine, (263, 35), abi=0) == EPERM  # unlinkat


def test_truncating_by_path_needs_a_newer_landlock(machine: str) -> None:
    assert [ask(machine, (76, 45), abi=abi) for abi in (0, 1, 2, 3)] == [EPERM, EPERM, EPERM, ALLOW]


@pytest.mark.parametrize("abi", [1, 2])
def test_a_file_that_may_only_be_read_is_not_cut_on_opening(machine: str, abi: int) -> None:
    truncating = 0o1000
    assert ask(machine, OPENAT, 0, 0, 0, abi=abi) == ALLOW
    for access, expected in ((0, EPERM), (1, ALLOW), (2, ALLOW), (3, EPERM)):  # writing is Landlock's to refuse
        assert ask(machine, OPENAT, 0, 0, access | truncating, abi=abi) == expected


def test_shared_memory_without_a_file_is_refused(machine: str) -> None:
    private, shared, anonymous = 0x2, 0x1, 0x20
    mmap = (9, 222)
    assert ask(machine, mmap, 0, 4096, 3, private | anonymous) == ALLOW
    assert ask(machine, mmap, 0, 4096, 3, shared) == ALLOW  # of a file
    assert ask(machine, mmap, 0, 4096, 3, shared | anonymous) == EPERM
    assert ask(machine, mmap, 0, 4096, 3, 0x3 | anonymous | 0x4000) == EPERM  # MAP_SHARED_VALIDATE, MAP_NORESERVE


def test_requests_to_devices_are_few(machine: str) -> None:
    ioctl = (16, 29)
    for request, expected in ((0x5401, ALLOW), (0x5421, ALLOW), (0x5412, ENOTTY), (0x8912, ENOTTY), (0x8901, ENOTTY)):
        assert ask(machine, ioctl, 1, request) == expected


def test_unknown_processor_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.is_known_machine()
