"""The mappings of a process that will be forked."""

from __future__ import annotations

import subprocess
import sys

import pytest

JOIN = """
import numpy as np
from score_nb.evaluate.children import fork
from score_nb.evaluate.mappings import join_libraries, read

before = len(list(read()))
said = join_libraries()
after = list(read())
assert join_libraries() == 0
assert not any("w" in mapping.rights and "x" in mapping.rights for mapping in after)
matrix = np.random.default_rng(0).normal(size=(50, 50))
assert np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(50))
print(said, before - len(after), flush=True)
if fork() == 0:
    import decimal, sqlite3  # libraries that are loaded afterwards

    print(np.linalg.matrix_rank(matrix), decimal.Decimal("1.5") * 2, sqlite3.connect(":memory:"), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="candidates are forked on Linux only")
def test_libraries_lie_in_fewer_mappings_and_work_as_before() -> None:
    done = subprocess.run([sys.executable, "-c", JOIN], capture_output=True, text=True, check=True)
    counts, worked = done.stdout.splitlines()
    said, less = map(int, counts.split())
    assert said > 30
    assert less >= said - 3  # a file that is read meanwhile may lie in memory too
    assert worked.startswith("50 3.0 <sqlite3.Connection")
