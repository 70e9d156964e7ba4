"""Environment variables and import path of everything below the kernel."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

_ALLOWED = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CONDA_PREFIX",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA",
    "FONTCONFIG_PATH", "FONTCONFIG_FILE",
))  # fmt: skip
_ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip


def environment(secrets: Iterable[str]) -> dict[str, str]:
    """Return the environment of everything below the kernel: an allow-list, one thread per library, no secret."""
    keys = [secret for secret in secrets if secret]
    allowed = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
    clean = {name: value for name, value in allowed.items() if not any(key in value for key in keys)}
    return clean | one_thread() | {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}


def import_path(folder: str) -> list[str]:
    """Return the kernel's import path with relative entries made absolute."""
    return [os.path.join(folder, entry) if not os.path.isabs(entry) else entry for entry in sys.path]


def one_thread() -> dict[str, str]:
    """Return the environment under which numerical libraries use one thread."""
    return dict.fromkeys(_ONE_THREAD, "1")
