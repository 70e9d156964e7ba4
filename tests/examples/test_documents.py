"""README and docs against the code: options that exist, links that lead somewhere."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from score_nb.batch.cli import _parser
from score_nb.config import POLICIES, option_names

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
FOREIGN = re.compile(
    r"\b(pip|npm|git|jupyter|apt-get|papermill|dask worker|worker_extra_args|Dask's)\b|benchmarks/\w+\.py"
)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
# Options of the commands of score-nb beside those of %%score, as the commands themselves tell them.
COMMAND_OPTIONS = {
    flag.removeprefix("--")
    for commands in (action.choices for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    for command in commands.values()
    for flag in command._option_string_actions
    if flag.startswith("--")
}
# Options of `%score idea`.
IDEA_OPTIONS = {"search", "most"}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.name)
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_relative_links_lead_to_files(document: Path) -> None:
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]
    assert not broken


def test_only_options_that_exist_are_named(document: Path) -> None:
    options = {name.replace("_", "-") for name in option_names()}
    known = options | {"maximize", "minimize", "no-wait"} | COMMAND_OPTIONS | IDEA_OPTIONS
    own_lines = [line for line in document.read_text().splitlines() if not FOREIGN.search(line)]
    assert set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", "\n".join(own_lines))) <= known


def test_readme_lists_every_policy() -> None:
    assert all(f"`{policy}`" in (ROOT / "README.md").read_text() for policy in POLICIES)
