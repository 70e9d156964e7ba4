"""What a wrong line, cell or metric is answered, and what help there is; no candidate runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from score_nb.notebook.registry import REGISTRY
from tests.notebook.conftest import SEED, Cell


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"%%score\n{SEED}", "BadMetric: name a metric: %%score METRIC. There are: near"),
        (f"%%score neer\n{SEED}", "BadMetric: there is no function neer in this notebook. Did you mean near?"),
        (f"%%score target\n{SEED}", "BadMetric: target is no function but an int: a metric is"),
        (f"%%score near --node 3\n{SEED}", "BadOption: there is no option --node. Did you mean --nodes?"),
        (f"%%score near --nodes few\n{SEED}", "BadOption: --nodes takes a whole number, not 'few'"),
        (f"%%score near --nodes 0\n{SEED}", "BadOption: --nodes must be at least 1, not 0"),
        (f"%%score near --cluster dat\n{SEED}", "BadOption: --cluster dat: the notebook has no such name."),
        (f"%%score near --cluster data\n{SEED}", "BadOption: --cluster data is a list: it takes an address such"),
        (f"%%score near --gpus 0\n{SEED}", "BadOption: --gpus takes how many devices, at least 1"),
        (f"%%score near --policy ucb\n{SEED}", "BadOption: --policy ucb is unknown"),
        (
            f"%%score near --holdout nera\n{SEED}",
            "BadMetric: there is no function nera in this notebook. Did you mean near?",
        ),
        (
            f"%%score near --share dta\n{SEED}",
            "BadOption: --share dta: the notebook has no such name. Did you mean data?",
        ),
        (f"%%score near --ideas notes\n{SEED}", "BadOption: --ideas notes: neither a list of the notebook nor a file"),
        (f"%%score near --name data\n{SEED}", "BadOption: --name data would replace the notebook's data"),
        (f"%%score near --name guess\n{SEED}", "BadOption: --name guess: the cell defines guess itself"),
        (f"%%score near --model gpt-5\n{SEED}", "ModelUnavailable: no API key: set OPENAI_API_KEY"),
        (f"%%score near --model replay:gone.jsonl\n{SEED}", "gone.jsonl"),
        ("%%score near\ngues = 3", "BadSeed: near takes guess, which the cell does not define (it defines gues)."),
        ("%%score near\nguess = (", "BadSeed: the cell is no valid Python"),
        ("%%score near\n%time guess = 1", "BadSeed: line 1 of the cell is no plain Python (%time guess = 1)"),
        ("%%score near\ndef near(guess): return 1\nguess = 2", "BadSeed: the cell defines near itself"),
        ("%%score near\nguess = lock is None", "BadInput: `lock` (_thread.lock) cannot be sent to candidates"),
        ("%%score near\nguess = list(numbers)", "BadInput: `numbers` (generator) cannot be sent to candidates"),
        ("%%score near\nguess = opened.name", "BadInput: `opened` (open file) cannot be sent to candidates"),
        ("%score shwo", "BadOption: %score knows no shwo. Did you mean show?"),
        ("%score show", "RunNotFound: there is no run yet: write %%score METRIC over a cell"),
        ("%score code near", "RunNotFound: no run named 'near'"),
        ("%score idea", "BadOption: say the idea: %score idea TEXT"),
        ("%score expand", "BadOption: name the node: %score expand NODE [TEXT]"),
        ('%score diff "near', "BadOption: a quote is not closed in"),
    ],
)
def test_bad_input_is_answered_in_one_line(cell: Cell, shell: InteractiveShell, text: str, line: str) -> None:
    cell("import threading\nlock = threading.Lock()\nnumbers = (i for i in 'ab')\nopened = open('/dev/null')")
    output = cell(text, ok=False)
    shell.user_ns["opened"].close()
    assert line in output
    assert "Traceback" not in output
    assert "\n" not in output.strip()
    assert "guess" not in shell.user_ns
    assert REGISTRY.started == []
    assert cell("1 + 1").strip().endswith("2")


def test_a_failing_seed_shows_its_own_error_and_starts_nothing(cell: Cell) -> None:
    output = cell("%%score near --nodes 4 --model offline\nguess = 1\nguess / 0", ok=False)
    assert "ZeroDivisionError: division by zero" in output
    assert output.strip().splitlines()[-1] == (
        "BadSeed: the cell failed (ZeroDivisionError, see above): no search was started"
    )
    assert REGISTRY.started == []
    assert not Path(".score_nb").exists()


def test_help_shows_every_option_and_word(cell: Cell, shell: InteractiveShell) -> None:
    shown: list[Any] = []
    shell.set_hook("show_in_pager", lambda _self, data, start=0, screen_lines=0: shown.append(str(data)), priority=1)
    cell("%%score?")
    cell("%score?")
    assert "--c-puct X" in shown[0]
    assert "candidates to evaluate in all, the seed included" in shown[0]
    assert "%score accept [RUN] [NODE]" in shown[1]


def test_unloading_takes_everything_out(cell: Cell, shell: InteractiveShell) -> None:
    cell("%reload_ext score_nb")
    assert sum(type(c).__name__ == "Score" for c in shell.configurables) == 1
    cell("%unload_ext score_nb")
    assert "UsageError: Cell magic `%%score` not found" in cell(f"%%score near\n{SEED}", ok=False)
    assert not any(type(c).__name__ == "Score" for c in shell.configurables)
    assert REGISTRY.history is None
    cell("%load_ext score_nb")
