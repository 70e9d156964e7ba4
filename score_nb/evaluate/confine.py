"""Confinement of the calling process, without privileges: no_new_privs, Landlock, seccomp, resource limits.

Pure ctypes; each layer says why it does not hold instead of failing (`Layers`).  Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import resource
import signal
import stat
import struct
from collections.abc import Iterable, Mapping

from score_nb.evaluate import seccomp
from score_nb.evaluate.grants import Grants

_MIB = 1024 * 1024
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_TREE = 0x10 | 0x20 | 0x80 | 0x100 | 0x1000  # remove dir and file, make dir, regular file and symlink
_ALL_BY_ABI = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}
_REFER, _TRUNCATE, _CONTROL = 0x2000, 0x4000, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_CHILD_SUBREAPER, _PR_SET_DUMPABLE = 1, 38, 36, 4
_SIGCHLD = int(signal.SIGCHLD)
_KEPT_CAPABILITIES = 0b110  # DAC_OVERRIDE, DAC_READ_SEARCH: root still reads the packages of other users

Layers = Mapping[str, str]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_capget, _capset = _libc.capget, _libc.capset
_CAPABILITIES = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, the calling process


SYSTEM = Grants(
    trees=(
        "/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/fonts", "/etc/alternatives", "/etc/ld.so.cache",
        "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage", "/proc/sys/vm",
    ),
    files=(
        "/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release",
        "/etc/mime.types", "/etc/ld.so.cache", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version",
        "/proc/filesystems", "/proc/loadavg", "/proc/uptime", "/proc/sys/kernel/osrelease",
        "/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max", "/dev/urandom", "/dev/random",
    ),
)  # fmt: skip
# Not /dev/zero: mapped, it is shared memory that no gauge sees.
_DEVICES = ("/dev/null", "/dev/full")
# Of its own folder in /proc a process may read what follows, not `net` (the sockets of the machine) nor the like.
_OWN_FILES = (
    "cgroup", "cmdline", "comm", "environ", "io", "limits", "maps", "mountinfo", "mounts", "smaps", "smaps_rollup",
    "stat", "statm", "status",
)  # fmt: skip
_OWN_LISTS = (".", "fd", "task")


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel offers, 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


class Ruleset:
    """The readable paths, opened once so that a forked child only has to name its scratch folder.

    Parameters
    ----------
    grants : iterable of Grants
        What may be read.
    abi : int or None
        The version of Landlock to use; None: the one that the kernel offers.
    """

    def __init__(self, grants: Iterable[Grants], abi: int | None = None) -> None:
        self.abi = landlock_abi() if abi is None else abi
        self._opened: list[int] = []
        self._rules: list[bytes] = []  # made once, not in each child
        self._trees: list[tuple[str, int]] = []
        self._ruleset = -1
        grants = list(grants)
        self.has_devices = any(grant.devices for grant in grants)
        if seccomp.is_known_machine():
            seccomp.program(0, landlock_abi=self.abi, has_gpus=self.has_devices)  # made once as well
        if self.abi:
            for grant in grants:
                self._open(grant.trees, _READ | _LIST)
                self._open(grant.files, _READ)
                self._open(grant.listed, _LIST)
                self._open(grant.devices, _READ | _WRITE | _CONTROL)
            self._open(_DEVICES, _READ | _WRITE | (_TRUNCATE if self.abi >= 3 else 0))

    def _open(self, paths: Iterable[str], access: int) -> None:
        for path in dict.fromkeys(paths):
            place = os.path.realpath(path)
            if any(os.path.commonpath((place, tree)) == tree and not access & ~more for tree, more in self._trees):
                continue  # each rule costs each child time
            # A path that is missing here needs no grant.
            with contextlib.suppress(OSError):
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
                is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
                if is_folder:
                    self._trees.append((place, access))
                self._opened.append(fd)
                self._rules.append(self._rule(fd, access if is_folder else access & ~_LIST))

    @property
    def fds(self) -> set[int]:
        """Descriptors that must stay open until `enforce`."""
        return {*self._opened, *([self._ruleset] if self._ruleset >= 0 else [])}

    def build(self) -> None:
        """Make the rules for what is known before the scratch folder is; a process can do this once."""
        if not self.abi or self._ruleset >= 0:
            return
        # TCP bind and connect from version 4, abstract sockets and signals to others from version 6.
        words = [self._handled] + ([3] if self.abi >= 4 else []) + ([3] if self.abi >= 6 else [])
        attributes = struct.pack(f"={len(words)}Q", *words)
        self._ruleset = _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
        for rule in self._rules:
            self._allow(rule)
        for fd in self._opened:
            os.close(fd)
        self._opened.clear()
        own = os.open("/proc/self", os.O_PATH | os.O_CLOEXEC)
        for names, access in ((_OWN_LISTS, _LIST), (_OWN_FILES, _READ)):
            for name in names:
                # Which of them there are depends on how the kernel was built.
                try:
                    self._allow_path(name, access, own)
                except OSError:
                    continue
        os.close(own)

    def enforce(self, scratch: str) -> str:
        """Confine the calling process to the granted paths and `scratch`; return "" or why it does not hold."""
        if not self.abi:
            return "this kernel has no Landlock (Linux 5.13 or later, with landlock in its lsm= list)"
        self.build()
        if self._ruleset < 0:
            return f"Landlock refused the rules: {os.strerror(ctypes.get_errno())}"
        self._allow_path(scratch, _READ | _LIST | _WRITE | _TREE | _REFER | _TRUNCATE)
        failed = _libc.syscall(_RESTRICT_SELF, self._ruleset, 0) != 0
        reason = os.strerror(ctypes.get_errno()) if failed else ""
        os.close(self._ruleset)
        return f"Landlock cannot be switched on: {reason}" if failed else ""

    @property
    def _handled(self) -> int:
        """All kinds of access to files that this version of Landlock knows."""
        return _ALL_BY_ABI.get(self.abi, 0xFFFF)

    def _rule(self, fd: int, access: int) -> bytes:
        return struct.pack("=Qi", access & self._handled, fd)

    def _allow_path(self, path: str, access: int, folder: int | None = None) -> None:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
        self._allow(self._rule(fd, access))
        os.close(fd)

    def _allow(self, rule: bytes) -> None:
        if self._ruleset >= 0:
            _libc.syscall(_ADD_RULE, self._ruleset, 1, rule, 0)


def confine(rules: Ruleset, scratch: str) -> Layers:
    """Confine the calling process for good and return each layer's name with "" or the reason why it does not hold."""
    layers = {"no_new_privs": no_new_privileges(), "landlock": rules.enforce(scratch)}
    drop_capabilities()
    layers["seccomp"] = filter_calls(0 if layers["landlock"] else rules.abi, rules.has_devices)
    return layers


def no_new_privileges() -> str:
    """Let what the calling process executes have no more rights than it has; return "" or why it does not hold."""
    failed = _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
    return os.strerror(ctypes.get_errno()) if failed else ""


def filter_calls(landlock: int, has_devices: bool = False) -> str:
    """Refuse the calling process system calls for good; return "" or why it does not hold.

    `landlock` is the version of Landlock that confines its files, 0 where none does; with `has_devices` requests to
    NVIDIA's driver pass.
    """
    if not seccomp.is_known_machine():
        return f"no table of system calls for the processor {os.uname().machine}"
    code = seccomp.program(os.getpid(), landlock_abi=landlock, has_gpus=has_devices)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    # SECCOMP_FILTER_FLAG_SPEC_ALLOW: kernels before 5.16 would slow numerical code down against Spectre.
    number = 317 if os.uname().machine == "x86_64" else 277
    if _libc.syscall(number, 1, ctypes.c_ulong(4), filter_) == 0:
        return ""
    if _libc.prctl(22, ctypes.c_ulong(2), filter_, 0, 0) == 0:
        return ""
    return f"seccomp cannot be switched on: {os.strerror(ctypes.get_errno())}"


@functools.cache  # what a process has given up its forks have not either
def drop_capabilities() -> None:
    """Give up what root may do beyond reading; a process of an ordinary user has nothing to give up."""
    held = (ctypes.c_char * 24)()
    if _capget(_CAPABILITIES, held) != 0:
        return
    _effective, permitted, inheritable, *higher = struct.unpack("=6I", held.raw)
    kept = permitted & _KEPT_CAPABILITIES
    if permitted != kept or inheritable or any(higher):
        _capset(_CAPABILITIES, struct.pack("=6I", kept, kept, 0, 0, 0, 0))


def limit_resources(memory_mib: int, cpu_s: float, file_mib: int, pid: int = 0) -> None:
    """Set all limits that the system itself keeps for a process (0: the calling one); they can only be lowered."""
    limit_work(memory_mib, cpu_s, file_mib, status_kib("VmData", pid or "self"), pid)
    limit_always(pid)


def limit_work(memory_mib: int, cpu_s: float, file_mib: int, held_kib: int, pid: int = 0) -> None:
    """Set the limits that an order brings, for a process that has `held_kib` KiB of data by now (VmData).

    Never RLIMIT_AS: thread stacks and libraries that reserve address space would fail under it.  The slack leaves room
    for thread stacks; the watcher outside is exact.
    """
    data = held_kib // 1024 + memory_mib + memory_mib // 4 + 512
    _lower(pid, resource.RLIMIT_DATA, data * _MIB)
    # At the hard limit the system kills as it does for want of memory: the soft one comes first and has its own signal.
    _lower(pid, resource.RLIMIT_CPU, int(cpu_s) + 1, slack=5)
    _lower(pid, resource.RLIMIT_FSIZE, file_mib * _MIB)


def limit_always(pid: int = 0) -> None:
    """Set the limits that are the same for every process (descriptors, core files, locked memory); children inherit."""
    _lower(pid, resource.RLIMIT_NOFILE, 1024)
    _lower(pid, resource.RLIMIT_CORE, 0)
    _lower(pid, resource.RLIMIT_MEMLOCK, 16 * _MIB)


def _lower(pid: int, limit: int, value: int, slack: int = 0) -> None:
    now = resource.prlimit(pid, limit)
    most = now[1]
    if most == resource.RLIM_INFINITY or most > value + slack:
        wanted = (value, value + slack)
    else:
        wanted = (min(value, most), most)
    if wanted != now:
        resource.prlimit(pid, limit, wanted)


def status_kib(field: str, pid: int | str = "self") -> int:
    """Return a field of /proc/<pid>/status such as VmData or RssAnon, KiB; 0 where it is not known."""
    try:
        fd = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        status = os.read(fd, 1 << 14)
    except ProcessLookupError:  # it has ended
        return 0
    finally:
        os.close(fd)
    _, is_known, rest = status.partition(b"\n" + field.encode() + b":")
    return int(rest.split(None, 1)[0]) if is_known else 0


def ignore_children() -> None:
    """Let nothing happen when a child ends; `signal.signal` writes to fifty more pages, each a copy in a fresh fork."""
    _libc.signal(_SIGCHLD, None)


def be_first_for_want_of_memory() -> None:
    """Let the system end the calling process before all others where there is no memory left."""
    with contextlib.suppress(OSError):
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"1000")
        finally:
            os.close(fd)


def die_with_parent(parent: int) -> None:
    """Make the system kill the calling process when the process `parent` ends; leave at once if it already has."""
    _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def adopt_orphans() -> None:
    """Make the calling process the parent of descendants whose own parent has ended."""
    _libc.prctl(_PR_CHILD_SUBREAPER, 1, 0, 0, 0)


def show_use() -> None:
    """Let other processes of the same user see which files the calling process has open and how much it writes."""
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def hide_memory() -> None:
    """Close /proc/<pid>/{mem,environ,fd} of the calling process to other processes of the same user."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
