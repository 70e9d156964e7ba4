"""Refuses this process each connection that leaves the machine, and notes it in the file SCORE_NB_TEST_OUTSIDE.

Python imports `sitecustomize` by itself where its folder is on PYTHONPATH: so a kernel and what it starts are covered.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
NAMING = ("socket.getaddrinfo", "socket.gethostbyname")


def _is_inside(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback or name in ("0.0.0.0", "::")
    except ValueError:
        return name == "localhost"


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in CONNECTING:
        address = arguments[1]
        if not isinstance(address, tuple):  # sockets of the file system and pairs stay on the machine
            return
        host = address[0]
    elif event in NAMING:
        host = arguments[0]
    else:
        return
    if not _is_inside(host):
        with open(os.environ["SCORE_NB_TEST_OUTSIDE"], "a") as notes:
            notes.write(f"{event} {host}\n")
        raise OSError(101, f"Network is unreachable: {event} {host}")


if os.environ.get("SCORE_NB_TEST_OUTSIDE"):
    sys.addaudithook(_refuse)
