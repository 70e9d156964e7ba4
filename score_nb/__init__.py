"""Score-driven discovery inside the notebook: `%%score METRIC` over a cell starts a search for a better one.

    %load_ext score_nb

Everything is imported when it is first used: `import score_nb` costs next to nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from score_nb.crossval import cv
    from score_nb.notebook.ablation import ablate
    from score_nb.notebook.controller import open_run, search
    from score_nb.run.run import Run
    from score_nb.types import Node

__version__ = "0.1.0"
__all__ = [
    "Node", "Run", "__version__", "ablate", "cv", "load_ipython_extension", "open_run", "search",
    "unload_ipython_extension",
]  # fmt: skip

_HOMES = {
    "Node": "score_nb.types",
    "Run": "score_nb.run.run",
    "ablate": "score_nb.notebook.ablation",
    "cv": "score_nb.crossval",
    "open_run": "score_nb.notebook.controller",
    "search": "score_nb.notebook.controller",
}


def load_ipython_extension(shell: Any) -> None:
    """Put `%%score` and `%score` into IPython (`%load_ext score_nb`)."""
    from score_nb.notebook.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take them out again; runs at work go on."""
    from score_nb.notebook.magics import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "score-nb"}]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """This package, with a function `search` beside the folder of that name.

    Importing a module of the folder would set the attribute to the folder's package: the setter lets it pass.
    """

    @property
    def search(self) -> Any:
        return __getattr__("search")

    @search.setter
    def search(self, _folder: ModuleType) -> None:
        """Keep the function."""


sys.modules[__name__].__class__ = _Package
