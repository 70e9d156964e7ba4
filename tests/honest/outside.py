"""Runs the honest cells without any confinement and writes what comes out: `python -m tests.honest.outside FOLDER`.

FOLDER holds the notebook's `data`; one line of JSON per cell goes to FOLDER/outside.jsonl.
"""

from __future__ import annotations

import copy
import json
import os
import random
import sys
import tempfile
import traceback
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.evaluate.support import notebook
from tests.honest.corpus import HERE, INPUTS, NOTEBOOK, Cell, corpus


def run(folder: Path, names: frozenset[str]) -> None:
    """Run the cells of these names, each in a fresh main module."""
    space = notebook(NOTEBOOK, (HERE / "digest.py").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch, open(folder / "outside.jsonl", "w", encoding="utf-8") as results:
        # One folder for all: joblib's worker processes go on living in the one they were started in.
        os.symlink(folder / "data", os.path.join(scratch, "data"))
        for cell in corpus():
            if cell.name in names and (not cell.needs or find_spec(cell.needs)):
                os.chdir(scratch)
                results.write(json.dumps({"name": cell.name, **_result(cell, space)}) + "\n")
                results.flush()
        os.chdir(folder)


def _result(cell: Cell, space: dict[str, Any]) -> dict[str, object]:
    import linecache

    import numpy as np

    filename = f"<ipython-input-{cell.name}>"
    linecache.cache[filename] = (len(cell.source), None, cell.source.splitlines(keepends=True), filename)
    main = types.ModuleType("__main__")
    vars(main).update({name: _copy(space[name]) for name in INPUTS.split()})
    sys.modules["__main__"] = main
    random.seed(0)
    np.random.seed(0)
    try:
        exec(compile(cell.source, filename, "exec"), vars(main))
        x = main.x
        return {"value": space["metric"](x), "text": space["describe"](x() if callable(x) else x)}
    except BaseException:  # noqa: BLE001  a cell that fails is told to the test
        return {"error": traceback.format_exc()}


def _copy(value: Any) -> Any:
    if isinstance(value, types.ModuleType):
        return value
    return value.copy() if hasattr(value, "obs_names") else copy.deepcopy(value)


if __name__ == "__main__":
    # The cells' own main module replaces this one.
    run(Path(sys.argv[1]), frozenset(sys.argv[2].split(",")))
