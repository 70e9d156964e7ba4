"""Which versions a notebook's values and code need, and whether a cluster's workers have the same."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Mapping

PYTHON = "Python"
# What values are copied and moved with, on either side.
_ALWAYS = ("score-nb", "cloudpickle", "numpy")


def needed(modules: Iterable[str]) -> dict[str, str]:
    """Return the versions here of Python and of the distributions that hold `modules`, by name."""
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"score_nb"}
    names = {*_ALWAYS, *(owner for top in tops for owner in _owners(top))}
    found = {PYTHON: minor(platform.python_version())}
    for name in sorted(names):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # the source tree of a package, not installed
            continue
    return found


def _owners(module: str) -> list[str]:
    """Return the distributions that hold a top-level module."""
    try:
        importlib.metadata.version(module)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return _all_owners().get(module, [])
    return [module]


@functools.cache
def _all_owners() -> Mapping[str, list[str]]:
    """Return the distributions by top-level module: a look at each one that is installed, about a second."""
    return importlib.metadata.packages_distributions()


def minor(version: str) -> str:
    """Return major and minor number: within them compiled code and pickles are the same."""
    return ".".join(version.split(".")[:2])


def complaint(here: Mapping[str, str], there: Mapping[str, str], worker: str) -> str:
    """Return "" where `worker` has what is needed, else what differs and what mends it; "" in `there` means missing."""
    wrong = {name: version for name, version in here.items() if there.get(name, "") != version}
    if not wrong:
        return ""
    parts = [
        f"{name} is {version} here and {there[name]} there" if there.get(name) else f"{name} {version} is missing there"
        for name, version in wrong.items()
    ]
    packages = " ".join(f"{name}=={version}" for name, version in wrong.items() if name != PYTHON)
    mends = [f"on the cluster run: pip install {packages}"] if packages else []
    if PYTHON in wrong:
        mends.insert(0, f"start the cluster's workers with Python {wrong[PYTHON]}, or the notebook with theirs")
    return f"the cluster's worker {worker} differs from this notebook: {', '.join(parts)}; {'; '.join(mends)}"
