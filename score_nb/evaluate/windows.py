"""Confinement on Windows without privileges: a job object around each worker, low integrity inside it.

The job ends its process with the kernel's, counts its memory, and lets it start no other.  A process of low integrity
can write to nothing that is not labelled so, nor open the user's other processes.  What stays open to it is said by the
probe: it may read what the user may read, apart from what is labelled against that, and use the network.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from typing import Any

_DWORD, _HANDLE, _SIZE = ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t

# JOB_OBJECT_LIMIT_ACTIVE_PROCESS, _PROCESS_MEMORY, _DIE_ON_UNHANDLED_EXCEPTION, _KILL_ON_JOB_CLOSE
_ACTIVE, _MEMORY, _DIE, _KILL = 0x8, 0x100, 0x400, 0x2000
_UI_ALL = 0xFF  # handles, clipboard both ways, system parameters, display, atoms, desktop, leaving Windows
_BASIC_UI, _EXTENDED = 4, 9  # JobObjectBasicUIRestrictions, JobObjectExtendedLimitInformation
_TOKEN_QUERY, _TOKEN_ADJUST_DEFAULT, _TOKEN_INTEGRITY_LEVEL = 0x8, 0x80, 25
_SE_GROUP_INTEGRITY = 0x20
_SE_FILE_OBJECT, _LABEL = 1, 0x10  # LABEL_SECURITY_INFORMATION
_FSCTL_SET_SPARSE = 0x900C4
_PROCESS_TERMINATE, _PROCESS_VM_READ = 0x1, 0x10

# Labels as security descriptors: nothing below medium integrity may read or write; all of low integrity may write.
HELD = "S:(ML;OICI;NRNWNX;;;ME)"
SCRATCH = "S:(ML;OICI;NW;;;LW)"
_LOW = "S-1-16-4096"


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = [
        ("PerProcessUserTimeLimit", ctypes.c_int64), ("PerJobUserTimeLimit", ctypes.c_int64), ("LimitFlags", _DWORD),
        ("MinimumWorkingSetSize", _SIZE), ("MaximumWorkingSetSize", _SIZE), ("ActiveProcessLimit", _DWORD),
        ("Affinity", _SIZE), ("PriorityClass", _DWORD), ("SchedulingClass", _DWORD),
    ]  # fmt: skip


class IoCounters(ctypes.Structure):
    """IO_COUNTERS."""

    _fields_ = [
        (f"{what}{kind}Count", ctypes.c_uint64)
        for kind in ("Operation", "Transfer")
        for what in ("Read", "Write", "Other")
    ]


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = [
        ("BasicLimitInformation", BasicLimits), ("IoInfo", IoCounters), ("ProcessMemoryLimit", _SIZE),
        ("JobMemoryLimit", _SIZE), ("PeakProcessMemoryUsed", _SIZE), ("PeakJobMemoryUsed", _SIZE),
    ]  # fmt: skip


class MandatoryLabel(ctypes.Structure):
    """TOKEN_MANDATORY_LABEL, which is one SID_AND_ATTRIBUTES."""

    _fields_ = [("Sid", ctypes.c_void_p), ("Attributes", _DWORD)]


# Arguments and results as documented; without them a handle would be cut to 32 bits.
SIGNATURES: Mapping[str, Mapping[str, tuple[Any, list[Any]]]] = {
    "kernel32": {
        "CreateJobObjectW": (_HANDLE, [ctypes.c_void_p, ctypes.c_wchar_p]),
        "SetInformationJobObject": (ctypes.c_int, [_HANDLE, ctypes.c_int, ctypes.c_void_p, _DWORD]),
        "AssignProcessToJobObject": (ctypes.c_int, [_HANDLE, _HANDLE]),
        "TerminateJobObject": (ctypes.c_int, [_HANDLE, ctypes.c_uint]),
        "CloseHandle": (ctypes.c_int, [_HANDLE]),
        "GetCurrentProcess": (_HANDLE, []),
        "OpenProcess": (_HANDLE, [_DWORD, ctypes.c_int, _DWORD]),
        "LocalFree": (_HANDLE, [_HANDLE]),
        "DeviceIoControl": (
            ctypes.c_int,
            [_HANDLE, _DWORD, *[ctypes.c_void_p, _DWORD] * 2, ctypes.POINTER(_DWORD), ctypes.c_void_p],
        ),
    },
    "advapi32": {
        "OpenProcessToken": (ctypes.c_int, [_HANDLE, _DWORD, ctypes.POINTER(_HANDLE)]),
        "ConvertStringSidToSidW": (ctypes.c_int, [ctypes.c_wchar_p, ctypes.POINTER(ctypes.c_void_p)]),
        "GetLengthSid": (_DWORD, [ctypes.c_void_p]),
        "SetTokenInformation": (ctypes.c_int, [_HANDLE, ctypes.c_int, ctypes.c_void_p, _DWORD]),
        "ConvertStringSecurityDescriptorToSecurityDescriptorW": (
            ctypes.c_int,
            [ctypes.c_wchar_p, _DWORD, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p],
        ),
        "GetSecurityDescriptorSacl": (
            ctypes.c_int,
            [
                ctypes.c_void_p,
                ctypes.POINTER(ctypes.c_int),
                ctypes.POINTER(ctypes.c_void_p),
                ctypes.POINTER(ctypes.c_int),
            ],
        ),
        "SetNamedSecurityInfoW": (
            _DWORD,
            [ctypes.c_wchar_p, ctypes.c_int, _DWORD] + [ctypes.c_void_p] * 4,
        ),
    },
}  # fmt: skip


def _library(name: str) -> Any:
    if sys.platform != "win32":
        raise OSError(f"{name} is a library of Windows")
    library = ctypes.WinDLL(name, use_last_error=True)
    for function, (result, arguments) in SIGNATURES[name].items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


def _last_error() -> OSError:
    if sys.platform != "win32":
        return OSError("no error of Windows")
    return ctypes.WinError(ctypes.get_last_error())


def _checked(result: Any) -> Any:
    if not result:
        raise _last_error()
    return result


class Job:
    """A job object for one worker; it ends with its last handle, which only the kernel has."""

    def __init__(self) -> None:
        self._kernel32 = _library("kernel32")
        self._handle = _checked(self._kernel32.CreateJobObjectW(None, None))
        self._limit(limits())
        everything = _DWORD(_UI_ALL)
        self._set(_BASIC_UI, everything)

    def _set(self, kind: int, value: Any) -> None:
        size = ctypes.sizeof(value)
        _checked(self._kernel32.SetInformationJobObject(self._handle, kind, ctypes.byref(value), size))

    def _limit(self, value: ExtendedLimits) -> None:
        self._set(_EXTENDED, value)

    def add(self, process: int) -> None:
        """Put a process (its handle) into the job, for good."""
        _checked(self._kernel32.AssignProcessToJobObject(self._handle, process))

    def limit_memory(self, size: int) -> None:
        """Set how many bytes the process may commit."""
        self._limit(limits(size))

    def kill(self) -> None:
        """End the process, and whatever it may have started."""
        self._kernel32.TerminateJobObject(self._handle, 1)

    def close(self) -> None:
        """Give the job up; its process ends with it."""
        if self._handle:
            self._kernel32.CloseHandle(self._handle)
            self._handle = None


def limits(memory: int = 0) -> ExtendedLimits:
    """Return the limits of a job: one process, gone with the job, `memory` bytes at most unless 0."""
    value = ExtendedLimits()
    value.BasicLimitInformation.LimitFlags = _ACTIVE | _DIE | _KILL | (_MEMORY if memory else 0)
    value.BasicLimitInformation.ActiveProcessLimit = 1
    value.ProcessMemoryLimit = memory
    return value


def lower_integrity() -> str:
    """Give the calling process low integrity for good; return "" or why it does not hold."""
    try:
        kernel32, advapi32 = _library("kernel32"), _library("advapi32")
        token, sid = _HANDLE(), ctypes.c_void_p()
        access = _TOKEN_QUERY | _TOKEN_ADJUST_DEFAULT
        _checked(advapi32.OpenProcessToken(kernel32.GetCurrentProcess(), access, ctypes.byref(token)))
        try:
            _checked(advapi32.ConvertStringSidToSidW(_LOW, ctypes.byref(sid)))
            label = MandatoryLabel(sid, _SE_GROUP_INTEGRITY)
            size = ctypes.sizeof(label) + advapi32.GetLengthSid(sid)
            _checked(advapi32.SetTokenInformation(token, _TOKEN_INTEGRITY_LEVEL, ctypes.byref(label), size))
        finally:
            kernel32.LocalFree(sid)
            kernel32.CloseHandle(token)
    except OSError as error:
        return f"the integrity level cannot be lowered: {error}"
    return ""


def set_label(path: str, descriptor: str) -> None:
    """Label a folder with `HELD` or `SCRATCH`.

    Raises
    ------
    OSError
        Its file system keeps no labels.
    """
    kernel32, advapi32 = _library("kernel32"), _library("advapi32")
    made, acl = ctypes.c_void_p(), ctypes.c_void_p()
    is_present, is_default = ctypes.c_int(), ctypes.c_int()
    convert = advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
    _checked(convert(descriptor, 1, ctypes.byref(made), None))
    try:
        found = (ctypes.byref(is_present), ctypes.byref(acl), ctypes.byref(is_default))
        _checked(advapi32.GetSecurityDescriptorSacl(made, *found))
        code = advapi32.SetNamedSecurityInfoW(path, _SE_FILE_OBJECT, _LABEL, None, None, None, acl)
        if code:
            raise OSError(f"{path} cannot be labelled (error {code})")
    finally:
        kernel32.LocalFree(made)


def make_sparse(fd: int) -> None:
    """Let parts of a file that were never written take no space; where the file system cannot, they do."""
    if sys.platform == "win32":
        import msvcrt

        returned = _DWORD()
        handle = msvcrt.get_osfhandle(fd)
        _library("kernel32").DeviceIoControl(handle, _FSCTL_SET_SPARSE, None, 0, None, 0, ctypes.byref(returned), None)


def can_open(pid: int) -> bool:
    """Return whether the calling process may end another one and read its memory."""
    kernel32 = _library("kernel32")
    handle = kernel32.OpenProcess(_PROCESS_TERMINATE | _PROCESS_VM_READ, 0, pid)
    if handle:
        kernel32.CloseHandle(handle)
    return bool(handle)
