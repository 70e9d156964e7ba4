"""Binder's files: every version is pinned, and what is pinned is what the package asks for.

That the environment can be built and works is tried by `make binder`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_layers import PACKAGE

tomllib = pytest.importorskip("tomllib", reason="reads pyproject.toml: Python 3.11 or later")
BINDER = PACKAGE.parent / "binder"
LINES = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
PINNED = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def test_every_package_is_pinned_to_one_version_of_a_registry() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []
    assert len(PINNED) == len(LINES) > 50


def test_the_pins_are_what_the_package_and_its_examples_ask_for() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["examples"]]
    wrong = [
        str(one) for one in map(Requirement, asked)
        if not one.specifier.contains(PINNED.get(canonicalize_name(one.name), "0"))
    ]  # fmt: skip
    assert wrong == []


def test_a_kernel_that_loses_output_of_threads_is_not_pinned() -> None:
    assert PINNED["ipykernel"] not in ("7.0.0", "7.0.1")


def test_binder_installs_nothing_that_is_not_pinned() -> None:
    installs = re.findall(r"pip install (.*)", (BINDER / "postBuild").read_text())
    assert installs == ["--no-cache-dir --no-deps ."]
    assert (Path(BINDER, "runtime.txt").read_text()).startswith("python-3.")
