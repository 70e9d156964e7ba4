"""Run a command where the network is the loopback alone: `python tests/support/cut_off.py COMMAND…` (Linux).

The command and all that it starts live in a network namespace of their own; `SCORE_NB_TEST_CUT` tells them so.  Where
the system refuses one, this is said on stderr and the command runs without: then only what Python itself connects is
refused (`no_network`).
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
TOLD = "SCORE_NB_TEST_CUT"


def cut_off() -> None:
    """Leave this process without any network but the loopback.

    Raises
    ------
    OSError
        The system has no network namespaces, or grants this user none.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("only Linux has network namespaces")
    import fcntl  # Windows has none

    user, group = os.getuid(), os.getgid()
    if user == 0:
        _unshare(CLONE_NEWNET)
    else:  # a user namespace first: in it one may make others
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def _unshare(what: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(what):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main() -> None:
    """Run the command that the arguments name and end with its exit code."""
    try:
        cut_off()
        os.environ[TOLD] = "namespace"
    except OSError as error:
        os.environ.pop(TOLD, None)
        sys.stderr.write(f"no network namespace here ({error}): only what Python connects is refused\n")
    sys.exit(subprocess.call(sys.argv[1:]))


if __name__ == "__main__":
    main()
