"""`%%score` itself in a real JupyterLab: real evaluation, the built-in proposer, real accept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.lab import Lab, busy_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

Write = Callable[..., tuple[str, list[str]]]

PREPARE = """
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

%load_ext score_nb
X, y = load_breast_cancer(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.4, random_state=0)

def balanced(predict):
    "Balanced accuracy on held-out tumours."
    return balanced_accuracy_score(y_val, predict(X_val))

print("prepared")
"""
SEED = """%%score balanced --nodes {nodes} --model offline --workers 1 --name found
model = LogisticRegression(max_iter=20, C=1e-4).fit(X_train, y_train)

def predict(X):
    return model.predict(X)"""


def start(lab: Lab, notebook: Write, nodes: int, *more: str) -> list[str]:
    name, ids = notebook(PREPARE, SEED.format(nodes=nodes), *more)
    lab.open(name)
    lab.run(ids[0])
    lab.wait_for_output(ids[0], "prepared")
    lab.run(ids[1])
    lab.widget.wait_for()
    return ids


def test_from_a_cell_to_a_better_cell_and_back(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, 12, "print(f'{run.best.index} is the best of {len(run.nodes)}')".replace("run", "found"))
    lab.wait_for_state("finished")
    before = lab.source(ids[1])
    assert lab.candidates() == 12
    lab.click("Accept best")
    lab.page.get_by_text("Ctrl+Z in the cell takes it back").first.wait_for()
    after = lab.source(ids[1])
    assert after.splitlines()[0] == before.splitlines()[0]
    assert after != before
    lab.activate(ids[1])
    lab.command("notebook:enter-edit-mode")
    lab.page.keyboard.press("Control+z")
    lab.wait_for_source(ids[1], before)
    assert lab.source(ids[1]) == before
    lab.run(ids[2])
    lab.wait_for_output(ids[2], "is the best of 12")


def test_the_widget_grows_while_another_cell_runs_a_loop(lab: Lab, notebook: Write) -> None:
    ids = start(lab, notebook, 60, busy_cell("never"))
    lab.run(ids[2])
    lab.page.wait_for_timeout(2_000)
    early = lab.candidates()
    lab.wait_for_candidates(early + 1)
    assert lab.is_running(ids[2]), "the widget only moved once the loop was over"
    lab.click("Stop")
    lab.wait_for_state("stopped")
    assert lab.is_running(ids[2]), "Stop had to wait for the loop"


def test_after_a_kernel_restart_the_run_is_still_shown_and_goes_on_with_its_cell(lab: Lab, notebook: Write) -> None:
    count = (
        "from pathlib import Path\nimport score_nb\nfolders = [*Path('.score_nb').glob('again-*')]\n"
        "print(len(folders), 'run:', len(score_nb.open_run('again').nodes), 'nodes')"
    )
    # A cell of its own: the runs of the other tests lie in the same folder.  The same candidates each time: some that
    # the proposer may draw take seconds each.
    seed = SEED.format(nodes=12).replace("--name found", "--name again --seed 2").replace("max_iter=20", "max_iter=21")
    name, ids = notebook(PREPARE, seed, count, "print('there again:', balanced.__name__)")
    lab.open(name)
    lab.run(ids[0])
    lab.wait_for_output(ids[0], "prepared")
    lab.run(ids[1])
    lab.widget.wait_for()
    lab.wait_for_candidates(4)
    lab.js("await panel.sessionContext.session.kernel.restart()")
    # The page keeps what it has seen; nothing is lost with the kernel.
    before = lab.candidates()
    assert before >= 4
    lab.run(ids[0])
    lab.run(ids[3])
    lab.wait_for_output(ids[3], "there again: balanced")
    lab.run(ids[1])
    lab.wait_for_state("finished")
    assert lab.candidates() == 12
    # It is the same run that went on, not a second one.
    lab.run(ids[2])
    lab.wait_for_output(ids[2], "1 run: 12 nodes")
