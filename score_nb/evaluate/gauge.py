"""What a process uses: private memory and processor time, as the system tells them to its user's other processes."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import time
from typing import Any, Protocol

import psutil

_FIELDS = (b"RssAnon", b"RssFile", b"RssShmem", b"VmHWM", b"VmSwap", b"HugetlbPages", b"VmPTE", b"Threads")
_USUAL_TABLES_KIB = 64 * 1024  # those of 32 GiB


class Gauge(Protocol):
    """Reads from outside what a process uses; a process that has gone uses nothing."""

    def private_kib(self, pid: int) -> int:
        """Return the memory that the process alone holds."""
        ...

    def highest_kib(self, pid: int) -> int:
        """Return the most it has held so far, as far as the system keeps that."""
        ...

    def cpu_s(self, pid: int) -> float:
        """Return its processor time."""
        ...

    def threads(self, pid: int) -> int:
        """Return how many threads it has."""
        ...


class ProcGauge:
    """Reads /proc (Linux)."""

    def private_kib(self, pid: int) -> int:
        """Return what is resident of its own, what of it was swapped out, huge pages, and page tables beyond the usual.

        Page tables count, for a map of nothing but zeros has large ones and takes no other memory.
        """
        fields = _status(pid)
        own = sum(fields.get(name, 0) for name in ("RssAnon", "VmSwap", "HugetlbPages"))
        return own + max(0, fields.get("VmPTE", 0) - _USUAL_TABLES_KIB)

    def highest_kib(self, pid: int) -> int:
        """Return the high-water mark less what is shared."""
        fields = _status(pid)
        return fields.get("VmHWM", 0) - fields.get("RssFile", 0) - fields.get("RssShmem", 0)

    def cpu_s(self, pid: int) -> float:
        """Return the processor time by the clock of the process, threads that have ended included."""
        try:
            return time.clock_gettime(_clock_of(pid))
        except OSError:
            return 0.0

    def threads(self, pid: int) -> int:
        """Return the number of threads."""
        return _status(pid).get("Threads", 0)


@functools.cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _clock_of(pid: int) -> int:
    """Return the clock of the processor time of a process (POSIX)."""
    clock = ctypes.c_int()
    if (error := _c_library().clock_getcpuclockid(pid, ctypes.byref(clock))) != 0:
        raise OSError(error, os.strerror(error))
    return clock.value


def _status(pid: int) -> dict[str, int]:
    fields = _fields(f"/proc/{pid}/status")
    if "Threads" in fields and "RssAnon" not in fields:
        # The first thread has left the others alone: the memory is theirs now.
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                if "RssAnon" in (seen := _fields(f"/proc/{pid}/task/{task}/status")):
                    return seen
    return fields


def _fields(path: str) -> dict[str, int]:
    fields = {}
    # Raw, at half the cost: this is read at the end of each evaluation.
    with contextlib.suppress(OSError, ValueError), open(path, "rb", buffering=0) as file:
        for line in file.read(1 << 14).splitlines():
            name, _, rest = line.partition(b":")
            if name in _FIELDS:
                fields[name.decode()] = int(rest.split()[0])
    return fields


class PsutilGauge:
    """Reads what psutil knows: on Windows the committed private bytes, elsewhere resident pages that are not shared."""

    def private_kib(self, pid: int) -> int:
        """Return the private memory."""
        try:
            memory: Any = psutil.Process(pid).memory_info()
        except psutil.Error:
            return 0
        return int(getattr(memory, "private", memory.rss - getattr(memory, "shared", 0))) // 1024

    def highest_kib(self, pid: int) -> int:
        """Return the private memory now: no system keeps its peak without the shared part."""
        return self.private_kib(pid)

    def cpu_s(self, pid: int) -> float:
        """Return the processor time: of its own clock where the system has those (POSIX), else as psutil rounds it."""
        if sys.platform not in ("win32", "darwin"):
            with contextlib.suppress(AttributeError, OSError):
                return time.clock_gettime(_clock_of(pid))
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def threads(self, pid: int) -> int:
        """Return the number of threads."""
        return _psutil_threads(pid)


class RusageInfoV4(ctypes.Structure):
    """`struct rusage_info_v4` of <sys/resource.h> (macOS 10.9 and later)."""

    _fields_ = [
        ("ri_uuid", ctypes.c_uint8 * 16),
        *((f"ri_{name}", ctypes.c_uint64) for name in (
            "user_time", "system_time", "pkg_idle_wkups", "interrupt_wkups", "pageins", "wired_size", "resident_size",
            "phys_footprint", "proc_start_abstime", "proc_exit_abstime", "child_user_time", "child_system_time",
            "child_pkg_idle_wkups", "child_interrupt_wkups", "child_pageins", "child_elapsed_abstime",
            "diskio_bytesread", "diskio_byteswritten", "cpu_time_qos_default", "cpu_time_qos_maintenance",
            "cpu_time_qos_background", "cpu_time_qos_utility", "cpu_time_qos_legacy", "cpu_time_qos_user_initiated",
            "cpu_time_qos_user_interactive", "billed_system_time", "serviced_system_time", "logical_writes",
            "lifetime_max_phys_footprint", "instructions", "cycles", "billed_energy", "serviced_energy",
            "interval_max_phys_footprint", "runnable_time",
        )),
    ]  # fmt: skip


class _Timebase(ctypes.Structure):
    """`struct mach_timebase_info` of <mach/mach_time.h>."""

    _fields_ = [("numer", ctypes.c_uint32), ("denom", ctypes.c_uint32)]


class FootprintGauge:
    """Reads the physical footprint, which leaves mapped files out, by `proc_pid_rusage` of <libproc.h> (macOS)."""

    _FLAVOR = 4  # RUSAGE_INFO_V4

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        timebase = _Timebase(1, 1)
        self._library.mach_timebase_info(ctypes.byref(timebase))
        self._second: float = (
            1e9 * timebase.denom / timebase.numer
        )  # in the units of the times: ticks on Apple's processors

    def _usage(self, pid: int) -> RusageInfoV4:
        usage = RusageInfoV4()
        self._library.proc_pid_rusage(pid, self._FLAVOR, ctypes.byref(usage))
        return usage

    def private_kib(self, pid: int) -> int:
        """Return the physical footprint."""
        return int(self._usage(pid).ri_phys_footprint) // 1024

    def highest_kib(self, pid: int) -> int:
        """Return the highest physical footprint."""
        return int(self._usage(pid).ri_lifetime_max_phys_footprint) // 1024

    def cpu_s(self, pid: int) -> float:
        """Return user and system time."""
        usage = self._usage(pid)
        return float(usage.ri_user_time + usage.ri_system_time) / self._second

    def threads(self, pid: int) -> int:
        """Return the number of threads."""
        return _psutil_threads(pid)


def _psutil_threads(pid: int) -> int:
    try:
        return int(psutil.Process(pid).num_threads())
    except psutil.Error:
        return 0


def portable_gauge() -> Gauge:
    """Return the gauge of this system that needs no /proc."""
    return FootprintGauge() if sys.platform == "darwin" else PsutilGauge()
