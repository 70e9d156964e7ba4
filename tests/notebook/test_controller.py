"""`score_nb.search` and `score_nb.open_run`, in a plain process and with real candidates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import score_nb
from score_nb.errors import BadMetric, BadOption, BadSeed, RunNotFound, ScoreError
from score_nb.notebook.controller import _seed_source

SEED = "scale = 3\nguess = scale * len(data)"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SCORE_NB_MODEL", "SCORE_NB_HOME", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def notebook() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("target = 7\ndata = [1.0, 2.0]\ndef near(guess):\n    return -abs(guess - target)", namespace)
    return namespace


@pytest.mark.slow
def test_search_returns_at_once_and_open_run_finds_the_run(notebook: dict[str, Any]) -> None:
    run = score_nb.search(metric="near", seed=SEED, namespace=notebook, nodes=4, workers=1, model="offline")
    assert score_nb.open_run("near") is run
    assert run.wait(60)
    assert (run.state, run.nodes[0].value, run.best.status) == ("finished", -1.0, "ok")
    stored = score_nb.open_run("near")
    assert stored is not run
    assert [node.source for node in stored.nodes] == [node.source for node in run.nodes]
    again = score_nb.search(notebook["near"], SEED, notebook, nodes=4, workers=1, model="offline")
    assert (again.id, again.is_live) == (run.id, False)
    assert score_nb.open_run(run.id).id == run.id


@pytest.mark.slow
def test_the_callers_names_are_the_default_and_waiting_is_an_option() -> None:
    source = (
        "import score_nb\ntarget, data = 7, [1.0]\n"
        "def near(guess):\n    return -abs(guess - target)\n"
        f"run = score_nb.search(near, {SEED!r}, nodes=3, model='offline', wait=True, minimize=True, name='mine')\n"
        "print(run.name, run.state, len(run.nodes), run.options['direction'])\n"
    )
    Path("script.py").write_text(source, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(root)}, check=False)
    assert done.stdout == "mine finished 3 minimize\n", done.stderr


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("neer", SEED), {}, BadMetric, "no function neer .* Did you mean near"),
        (("near", SEED), {"node": 3}, BadOption, r"search\(\) has no option node. Did you mean nodes"),
        (("near", SEED), {"model": "gpt-5"}, ScoreError, "no API key"),
        (("near", "x = 1"), {}, BadSeed, "near takes guess"),
        (("near", len), {}, BadSeed, "source of the seed cannot be had"),
    ],
)
def test_bad_input_is_answered(
    notebook: dict[str, Any], arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        score_nb.search(*arguments, namespace=notebook, **options)
    assert not Path(".score_nb").exists()


def test_a_run_that_does_not_exist_is_answered() -> None:
    with pytest.raises(RunNotFound, match="no run named 'nothing'"):
        score_nb.open_run("nothing")


def test_a_function_may_be_the_seed() -> None:
    def near(guess: Any) -> float:
        return float(guess)

    def body() -> None:
        scale = 3
        guess = scale * 2  # noqa: F841 (read by the metric)

    def guess() -> int:
        return 3

    def wrong(x: int) -> int:
        return x

    assert _seed_source(body, near).splitlines()[0] == "scale = 3"
    assert _seed_source(guess, near) == "def guess() -> int:\n    return 3"
    with pytest.raises(BadSeed, match="the body of wrong becomes the cell"):
        _seed_source(wrong, near)
    assert _seed_source("\n    x = 1\n    y = 2\n", near) == "x = 1\ny = 2"


def test_an_error_shows_as_one_line_in_ipython() -> None:
    assert BadMetric("no such thing")._render_traceback_() == ["BadMetric: no such thing"]


def test_the_function_search_stands_before_the_folder_of_that_name() -> None:
    import score_nb.search.puct
    from score_nb.search import planner

    assert callable(score_nb.search)
    assert planner.__name__ == "score_nb.search.planner"


def test_the_package_imports_nothing_before_it_is_used() -> None:
    root = Path(__file__).resolve().parents[2]
    source = (
        "import sys, score_nb\n"
        "heavy = {'IPython', 'numpy', 'pandas', 'openai', 'anywidget', 'altair', 'score_nb.run'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert score_nb.Node.__name__ == 'Node' and score_nb.Run.__name__ == 'Run'\n"
        "assert {'search', 'open_run', 'Run', 'Node'} <= set(dir(score_nb))\n"
        "print(score_nb._jupyter_labextension_paths(), score_nb.__version__)\n"
        "score_nb.nothing"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.stdout.startswith("[{'src': 'labextension', 'dest': 'score-nb'}]"), done.stderr
    assert "module 'score_nb' has no attribute 'nothing'" in done.stderr


def test_loading_the_extension_is_quick_on_top_of_ipython() -> None:
    root = Path(__file__).resolve().parents[2]
    source = (
        "import sys, IPython, time\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "before = set(sys.modules)\n"
        "import score_nb.notebook.magics\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'openai', 'anywidget', 'ipywidgets', 'altair', 'PIL', 'sklearn'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.stdout == "[]\n", done.stderr
