"""Environment variables, import path and imports of everything below the kernel."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable

_ALLOWED = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CONDA_PREFIX",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA",
    "FONTCONFIG_PATH", "FONTCONFIG_FILE",
))  # fmt: skip
_WINDOWS = frozenset((
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATH", "PATHEXT", "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
))  # fmt: skip
_ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
# A fork copies a page table and its end tears it down. With pages of 2 MiB for what is on the heap, fork and end of a
# process that had imported scikit-learn took 11.3 ms instead of 27.5, whole evaluations 15 to 24 % less CPU time.
# Ignored by a C library (glibc before 2.35, musl) or a system that knows nothing of it.
_LARGE_PAGES = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def environment(secrets: Iterable[str]) -> dict[str, str]:
    """Return the environment of everything below the kernel: an allow-list, one thread per library, no secret."""
    keys = [secret for secret in secrets if secret]
    allowed = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
    clean = {name: value for name, value in allowed.items() if not any(key in value for key in keys)}
    return clean | system_variables() | one_thread() | {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}


def large_pages() -> dict[str, str]:
    """Return the environment under which Python's objects lie in large pages, for a process that is forked often."""
    return dict(_LARGE_PAGES)


def import_path(folder: str, more: Iterable[str] = ()) -> list[str]:
    """Return the kernel's import path with relative entries made absolute, and `more` folders after it."""
    return [os.path.join(folder, entry) if not os.path.isabs(entry) else entry for entry in (*sys.path, *more)]


def one_thread() -> dict[str, str]:
    """Return the environment under which numerical libraries use one thread."""
    return dict.fromkeys(_ONE_THREAD, "1")


def system_variables() -> dict[str, str]:
    """Return what no program starts without on Windows, {} elsewhere."""
    if sys.platform != "win32":
        return {}
    return {name: value for name, value in os.environ.items() if name.upper() in _WINDOWS}


def import_all(modules: Iterable[str]) -> dict[str, str]:
    """Import each module and return the reasons of those that cannot be imported."""
    failed = {}
    for name in modules:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except BaseException as error:  # noqa: BLE001  a module may raise anything; the cell will say it again
                failed[name] = f"{type(error).__name__}: {error}"
    return failed
