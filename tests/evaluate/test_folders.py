"""Scratch folders go, and nothing beside them changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from score_nb.evaluate import folders


@pytest.fixture(params=[folders.remove_tree, folders._remove_step_by_step], ids=["descriptors", "step by step"])
def remove(request: pytest.FixtureRequest) -> Callable[[str], None]:
    return request.param  # type: ignore[no-any-return]


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path, remove: Callable[[str], None]) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "a" / "b").mkdir(parents=True)
    (scratch / "a" / "b" / "file").write_text("x")
    (scratch / "link").symlink_to(tmp_path)
    (scratch / "a").chmod(0)
    remove(str(scratch))
    assert list(tmp_path.iterdir()) == []


def test_what_holds_the_folder_keeps_its_rights(tmp_path: Path, remove: Callable[[str], None]) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    remove(str(shared / "gone already"))
    os.mkdir(shared / "scratch")
    remove(str(shared / "scratch"))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
