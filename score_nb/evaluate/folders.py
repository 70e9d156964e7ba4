"""Scratch folders, and how to get rid of them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable


def remove_tree(folder: str) -> None:
    """Remove a folder with all that is in it, also where a candidate has taken its own rights away.

    However deep it is: folders in folders are brought to the top before they are emptied, so that neither the longest
    path nor the number of descriptors sets a limit.  No link is followed.
    """
    if sys.platform != "linux":
        _remove_step_by_step(folder)
        return
    with contextlib.suppress(OSError):
        top = _open_folder(folder)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _empty(top: int) -> None:
    names = os.listdir(top)
    while names:
        moved = sum(_remove(top, name) for name in names)
        before, names = len(names), os.listdir(top)
        if not moved and len(names) >= before:
            return  # nothing can be removed: a disk that became read-only, say


def _remove(top: int, name: str) -> int:
    """Remove `name`; folders in it move to `top` under new names: return how many."""
    moved = 0
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=top)
        return moved
    with contextlib.suppress(OSError):
        folder = _open_folder(name, top)
        try:
            for inner in os.listdir(folder):
                try:
                    os.unlink(inner, dir_fd=folder)
                except OSError:
                    os.rename(inner, f"removed-{secrets.token_hex(8)}", src_dir_fd=folder, dst_dir_fd=top)
                    moved += 1
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=top)
    return moved


def _open_folder(name: str, top: int | None = None) -> int:
    """Return a descriptor of a folder, never of what a link leads to, with its rights given back."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=top)
    try:
        os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def _remove_step_by_step(folder: str) -> None:
    def retry(act: Callable[..., object], path: str, error: object) -> None:
        with contextlib.suppress(OSError):
            # Never above the folder itself: what holds it is not ours.
            inside = os.path.abspath(path) != os.path.abspath(folder)
            for place in (os.path.dirname(path), path) if inside else (path,):
                if not os.path.islink(place):
                    os.chmod(place, stat.S_IRWXU)
            act(path) if act in (os.unlink, os.rmdir) else shutil.rmtree(path, ignore_errors=True)

    with contextlib.suppress(OSError):
        if sys.version_info >= (3, 12):
            shutil.rmtree(folder, onexc=retry)
        else:
            shutil.rmtree(folder, onerror=retry)
