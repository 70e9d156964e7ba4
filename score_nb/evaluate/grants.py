"""Which files candidates may read: the interpreter, installed packages, code beside the notebook, and `read_paths`."""

from __future__ import annotations

import contextlib
import glob
import os
import site
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_CODE = (".py", ".so", ".pyc", ".pyd")
_GPU = {
    "devices": ("/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/nvidia-uvm*", "/dev/nvidia-caps/*"),
    "trees": ("/proc/driver/nvidia*", "/sys/bus/pci", "/sys/devices/pci*", "/sys/module/nvidia*"),
    "files": ("/proc/devices",),
}


@dataclass(frozen=True, slots=True)
class Grants:
    """What a candidate may read beside its own scratch folder.

    `trees` are readable as a whole, `files` one by one, `listed` folders show names but no contents; `devices` may be
    written and controlled too.
    """

    trees: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    @property
    def parts(self) -> list[tuple[str, ...]]:
        """The fields in their order, to be sent as JSON."""
        return [self.trees, self.files, self.listed, self.devices]


def readable(path: Iterable[str], read_paths: Iterable[str]) -> Grants:
    """Return what may be read, given the import path and the files that were granted by name.

    A folder on the import path that is no installation (the notebook's own, a checkout) gives its code only: data
    beside the notebook may hold what the metric hides.
    """
    installed = _installations()
    trees = [*installed, *read_paths]
    files: list[str] = []
    listed: list[str] = []
    for entry in path:
        real = os.path.realpath(entry)
        if any(_is_below(real, folder) for folder in installed):
            continue
        if os.path.isdir(real):
            listed.append(real)
            code, packages = _code_in(real)
            files += code
            trees += packages
        elif os.path.isfile(real):  # a zip archive of modules
            files.append(real)
    trees += _loaded_elsewhere([*trees, *listed])
    return Grants(tuple(dict.fromkeys(trees)), tuple(dict.fromkeys(files)), tuple(dict.fromkeys(listed)))


def with_gpus(grants: Grants) -> Grants:
    """Return `grants` with what NVIDIA's driver needs of the system; nothing more where there is none."""
    found = {part: _found(*patterns) for part, patterns in _GPU.items()}
    return Grants(
        grants.trees + found["trees"], grants.files + found["files"], grants.listed, grants.devices + found["devices"]
    )


def _found(*patterns: str) -> tuple[str, ...]:
    return tuple(path for pattern in patterns for path in sorted(glob.glob(pattern)))


def _installations() -> list[str]:
    """Return the folders of the interpreter and of installed packages."""
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    folders += [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    real = dict.fromkeys(os.path.realpath(folder) for folder in folders)
    return [folder for folder in real if os.path.isdir(folder) and folder != "/"]


def _code_in(folder: str) -> tuple[list[str], list[str]]:
    """Return the modules and the packages that lie directly in a folder."""
    modules: list[str] = []
    packages: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name == "__pycache__" or os.path.isfile(os.path.join(entry.path, "__init__.py")):
                packages.append(entry.path)
            elif entry.name.endswith(_CODE):
                modules.append(entry.path)
    return modules, packages


def _loaded_elsewhere(known: list[str]) -> list[str]:
    """Return the folders of loaded top-level packages that no known folder holds (editable installs)."""
    found = []
    for name, module in list(sys.modules.items()):
        if "." in name or name == "__main__":
            continue
        with contextlib.suppress(Exception):  # a module object may be anything
            file = module.__file__
            if file and os.path.basename(file) == "__init__.py":
                folder = os.path.dirname(os.path.realpath(file))
                if not any(_is_below(folder, place) for place in known):
                    found.append(folder)
    return found


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
