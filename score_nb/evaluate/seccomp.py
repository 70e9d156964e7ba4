"""The system calls that a candidate may make, as a seccomp program (Linux; x86-64 and aarch64).

A deny-list: what honest numerical code needs passes; starting processes, the network, signals to others, changes of
privileges and things that outlive a process do not.  Numbers come from the kernel's tables; None: no such call.
"""

from __future__ import annotations

import functools
import platform
import struct
from collections.abc import Mapping

_Pair = tuple[int | None, int | None]

# Refused with EPERM: the caller sees "Operation not permitted".
_PROCESSES: dict[str, _Pair] = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "setsid": (112, 157),
    "setpgid": (109, 154), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "move_pages": (279, 239),
    "migrate_pages": (256, 238),
}  # fmt: skip
_NETWORK: dict[str, _Pair] = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242),
}  # fmt: skip
_KERNEL: dict[str, _Pair] = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "setns": (308, 268),
    "unshare": (272, 97), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "statmount": (457, 457), "listmount": (458, 458), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443), "nfsservctl": (180, 42),
    "personality": (135, 92), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "syslog": (103, 116), "vhangup": (153, 58),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27), "lookup_dcookie": (212, 18), "seccomp": (317, 277), "capset": (126, 91),
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setfsuid": (122, 151), "setfsgid": (123, 152),
    "setgroups": (116, 159), "mknod": (133, None), "mknodat": (259, 33), "setrlimit": (160, 164),
    "lsm_set_self_attr": (460, 460),
}  # fmt: skip
# These leave things behind that no kill of the process removes.
_OUTLIVING: dict[str, _Pair] = {
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "shmdt": (67, 197), "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191),
    "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182), "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184), "mq_getsetattr": (245, 185),
}  # fmt: skip
# Answered with ENOSYS: libraries then fall back to calls that can be checked (clone3 -> clone).
_MISSING: dict[str, _Pair] = {
    "clone3": (435, 435), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_setup": (206, 0), "io_submit": (209, 2), "io_destroy": (207, 1),
    "io_cancel": (210, 3), "io_getevents": (208, 4), "openat2": (437, 437), "splice": (275, 76),
    "vmsplice": (278, 75), "tee": (276, 77),
}  # fmt: skip
# Answered with EOPNOTSUPP, as file systems do that have no such thing: copies go on without.  Extended attributes can
# be read of files that Landlock hides; space that is reserved but not written escapes the count of what was written.
_UNSUPPORTED: dict[str, _Pair] = {
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10), "listxattr": (194, 11),
    "llistxattr": (195, 12), "flistxattr": (196, 13), "fallocate": (285, 47),
}  # fmt: skip
# Answered with success, nothing done: shutil.copy, zip extraction and thread pinning go on working.
_PRETENDED: dict[str, _Pair] = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "utimensat": (280, 88), "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "setpriority": (141, 140), "ioprio_set": (251, 30), "setsockopt": (54, 208),
}  # fmt: skip
# Changes of the file tree, refused as a whole where Landlock cannot confine them to the scratch folder.
_TREE: dict[str, _Pair] = {
    "creat": (85, None), "truncate": (76, 45), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "unlink": (87, None),
    "unlinkat": (263, 35), "rmdir": (84, None), "mkdir": (83, None), "mkdirat": (258, 34),
}  # fmt: skip
_TRUNCATE: dict[str, _Pair] = {"truncate": (76, 45)}
# Checked by their arguments.
_CHECKED: dict[str, _Pair] = {
    "clone": (56, 220), "kill": (62, 129), "tgkill": (234, 131), "prctl": (157, 167), "prlimit64": (302, 261),
    "socketpair": (53, 199), "sendto": (44, 206), "fcntl": (72, 25), "ioctl": (16, 29), "open": (2, None),
    "openat": (257, 56), "mmap": (9, 222),
}  # fmt: skip

_LAST_REVIEWED = 462  # mseal, Linux 6.10; later calls do not exist for a candidate
_CLONE_THREAD = 0x10000
# PR_SET_PDEATHSIG, SET_DUMPABLE, SET_SECCOMP, SET_MM, SET_CHILD_SUBREAPER, SET_PTRACER
_PRCTL = (1, 4, 22, 35, 36, 0x59616D61)
# F_SETOWN, F_SETSIG, F_SETOWN_EX send signals to others; F_SETLEASE, F_NOTIFY disturb others' files
_FCNTL = (8, 10, 15, 1024, 1026)
# Those that pass; others ask a terminal, a socket or a file system for what no computation needs (typing into the
# terminal, signals by FIOSETOWN, the machine's addresses, subvolumes) and are answered with ENOTTY, "no such request".
# TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOQSIZE, FIGETBSZ, FICLONE, FICLONERANGE,
# FS_IOC_GETFLAGS, FS_IOC_FIEMAP
_IOCTL = (
    0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x5460, 0x2, 0x40049409, 0x4020940D, 0x80086601, 0xC020660B,
)  # fmt: skip
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20000000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE

_ACCESS, _TRUNCATING = 0o3, 0o1000  # O_ACCMODE, O_TRUNC
_SHARED_ANONYMOUS = 0x21  # MAP_SHARED | MAP_ANONYMOUS

_ARCHES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM, _ENOTTY, _ENOSYS, _EOPNOTSUPP = 1, 25, 38, 95
_LD, _JMP, _JEQ, _JGE, _JSET, _RET, _AND = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06, 0x54

_Line = tuple[int, int, int, int]
_Answer = tuple[_Line, ...]
_Ranges = list[tuple[int, _Answer]]  # from which number on what holds

# Requests to NVIDIA's driver: of the kind 'F'; to its part for unified memory numbers below 256 and two large ones.
_DRIVER: tuple[_Line, ...] = (
    (_JEQ, 0, 1, 0x30000001), (_RET, 0, 0, _ALLOW), (_JEQ, 0, 1, 0x30000002), (_RET, 0, 0, _ALLOW),
    (_JGE, 1, 0, 0x100), (_RET, 0, 0, _ALLOW),
    (_AND, 0, 0, 0xFF00), (_JEQ, 0, 1, 0x4600), (_RET, 0, 0, _ALLOW), (_LD, 0, 0, 24),
)


def is_known_machine() -> bool:
    """Return whether this processor has a table here."""
    return platform.machine() in _ARCHES


# Stands for the number of a process, which is never so high.
_ANY_PID = 0x7FFF_FFFF


def program(pid: int, *, landlock_abi: int, has_gpus: bool = False) -> bytes:
    """Return the filter for the process `pid` as an array of `struct sock_filter`.

    `landlock_abi` 0 means that files cannot be confined otherwise: then nothing may be opened for writing.  With
    `has_gpus` requests to NVIDIA's driver pass.
    """
    return _for_any(platform.machine(), landlock_abi, has_gpus).replace(_own(_ANY_PID), _own(pid))


@functools.lru_cache
def _for_any(machine: str, landlock_abi: int, has_gpus: bool) -> bytes:
    """Return the filter for a process of which only the number is not known; a zygote's children find it made."""
    column, arch = _ARCHES[machine]

    def numbers(*groups: dict[str, _Pair]) -> list[int]:
        found = (pair[column] for group in groups for pair in group.values())
        return [number for number in found if number is not None]

    refused = [_PROCESSES, _NETWORK, _KERNEL, _OUTLIVING]
    if landlock_abi == 0:
        refused.append(_TREE)
    elif landlock_abi < 3:
        refused.append(_TRUNCATE)  # Landlock confines truncate(2) from its third version on
    answers: dict[int, _Answer] = {
        **dict.fromkeys(numbers(*refused), (_returning(_EPERM),)),
        **dict.fromkeys(numbers(_MISSING), (_returning(_ENOSYS),)),
        **dict.fromkeys(numbers(_UNSUPPORTED), (_returning(_EOPNOTSUPP),)),
        **dict.fromkeys(numbers(_PRETENDED), (_returning(0),)),
    }
    for name, check in _checks(landlock_abi, has_gpus).items():
        number = _CHECKED[name][column]
        if number is not None:
            answers[number] = tuple(check)
    lines = [
        (_LD, 0, 0, 4), (_JEQ, 1, 0, arch), _returning(_EPERM),
        (_LD, 0, 0, 0), (_JGE, 0, 1, _LAST_REVIEWED + 1), _returning(_ENOSYS),  # includes the x32 calls
        *_search(_ranges(answers)),
    ]  # fmt: skip
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _ranges(answers: Mapping[int, _Answer]) -> _Ranges:
    """Return the numbers at which the answer changes, with what holds from there on; what has no answer passes."""
    found: _Ranges = []
    for number in range(_LAST_REVIEWED + 1):
        answer = answers.get(number, ((_RET, 0, 0, _ALLOW),))
        if not found or found[-1][1] != answer:
            found.append((number, answer))
    return found


def _search(ranges: _Ranges) -> list[_Line]:
    """Return lines that find the range of a number by halving.

    When a filter is set the system tries it with every number there is: in a row that took 0.5 ms per process.
    """
    if len(ranges) == 1:
        return list(ranges[0][1])
    middle = len(ranges) // 2
    below, above = _search(ranges[:middle]), _search(ranges[middle:])
    start = ranges[middle][0]
    # A conditional jump reaches 255 lines, the other one any.
    is_far = len(below) > 255
    jump: list[_Line] = [(_JGE, 0, 1, start), (_JMP, 0, 0, len(below))] if is_far else [(_JGE, len(below), 0, start)]
    return [*jump, *below, *above]


def _own(pid: int) -> bytes:
    return struct.pack("=HBBI", *_is_own(pid))


def _is_own(pid: int) -> _Line:
    return _JEQ, 0, 1, pid


def _checks(landlock_abi: int, has_gpus: bool) -> dict[str, list[_Line]]:
    allow, refuse = (_RET, 0, 0, _ALLOW), _returning(_EPERM)
    own_pid = [_low(0), _is_own(_ANY_PID), allow, refuse]
    no_new_limit = [_low(2), (_JEQ, 0, 3, 0), _high(2), (_JEQ, 0, 1, 0), allow, refuse]
    no_address = [_low(4), (_JEQ, 0, 3, 0), _high(4), (_JEQ, 0, 1, 0), allow, refuse]
    checks = {
        "clone": [_low(0), (_JSET, 0, 1, _CLONE_THREAD), allow, refuse],
        "kill": own_pid,
        "tgkill": own_pid,
        "prctl": [_low(0), *_none_of(_PRCTL)],
        "prlimit64": no_new_limit,
        # A datagram pair could send to any address in the file system; a Unix stream pair cannot.
        "socketpair": [_low(0), (_JEQ, 0, 3, 1), _low(1), (_AND, 0, 0, 0xF), (_JEQ, 1, 0, 1), refuse, allow],
        "sendto": no_address,
        "fcntl": [_low(1), *_none_of(_FCNTL)],
        "ioctl": [_low(1), *(_DRIVER if has_gpus else ()), *_one_of(_IOCTL, _ENOTTY)],
        # Memory that belongs to no process alone is counted with none; without forks private memory does as well.
        "mmap": [_low(3), (_AND, 0, 0, _SHARED_ANONYMOUS), (_JEQ, 0, 1, _SHARED_ANONYMOUS), refuse, allow],
    }
    for name, flags in (("open", 1), ("openat", 2)):
        if landlock_abi == 0:
            checks[name] = [_low(flags), (_JSET, 1, 0, _WRITING), allow, refuse]
        elif landlock_abi < 3:
            # Before its third version Landlock lets a file be cut that may only be read.
            opened_for_writing = [(_AND, 0, 0, _ACCESS), (_JEQ, 1, 0, 1), (_JEQ, 0, 1, 2)]
            checks[name] = [_low(flags), (_JSET, 0, 3, _TRUNCATING), *opened_for_writing, allow, refuse]
    return checks


def _none_of(values: tuple[int, ...]) -> list[_Line]:
    tests = [(_JEQ, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*tests, (_RET, 0, 0, _ALLOW), _returning(_EPERM)]


def _one_of(values: tuple[int, ...], errno: int) -> list[_Line]:
    tests = [(_JEQ, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*tests, _returning(errno), (_RET, 0, 0, _ALLOW)]


def _returning(errno: int) -> _Line:
    return (_RET, 0, 0, _ERRNO | errno)


def _low(argument: int) -> _Line:
    return (_LD, 0, 0, 16 + 8 * argument)


def _high(argument: int) -> _Line:
    return (_LD, 0, 0, 20 + 8 * argument)
