"""ERA's notebook format, read and converted; nothing here needs a kernel."""

import ast
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_notebook, new_raw_cell

from score_nb.batch.cli import main
from score_nb.batch.convert import convert
from score_nb.batch.era import is_era, prints
from score_nb.batch.printed import PrintedScore, score_in
from score_nb.batch.source import indented, whole
from score_nb.errors import ScoreError
from tests.batch.era_notebooks import BATCHES, FORECASTS, code, prose, write

LOAD = code("import numpy as np\nX = np.arange(3.0)\ny = 2 * X")
MUTABLE = "def predict(X):\n    return 1.5 * X"
SCORE = code("print('Validation Score:', -abs(predict(X) - y).sum())")


def converted(*cells: Any) -> list[str]:
    result = convert(new_notebook(cells=list(cells)))
    nbformat.validate(result.notebook)
    return [cell.source for cell in result.notebook.cells]


def score_cell(*cells: Any) -> str:
    (found,) = [source for source in converted(*cells) if source.startswith("%%score")]
    return found


def run(sources: list[str]) -> dict[str, Any]:
    """Run the cells as a kernel would, and return the namespace."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for source in sources:
        lines = [line for line in source.splitlines() if not line.startswith(("%", "!", "**", "# Overview"))]
        exec("\n".join(lines), namespace)
    return namespace


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([prose("# Begin mutable cells"), code(MUTABLE), prose("# End mutable cells")], id="markdown"),
        pytest.param([prose("## BEGIN  MUTABLE CELL"), code(MUTABLE), prose("**End mutable cell**")], id="case"),
        pytest.param([code("# Begin mutable cells"), code(MUTABLE), code("# End mutable cells")], id="code"),
        pytest.param([new_raw_cell("Begin mutable cells"), code(MUTABLE), new_raw_cell("End mutable cells")], id="raw"),
        pytest.param([code(f"# Begin mutable cells\n{MUTABLE}\n# End mutable cells")], id="one cell"),
        pytest.param([code(f"Z = 1\n#begin mutable cells\n{MUTABLE}\n#end mutable cells\nW = 2")], id="within"),
        pytest.param([prose("# Begin mutable cells"), code(MUTABLE)], id="no end"),
        pytest.param([code(MUTABLE, "rewrite_cell")], id="tag"),
        pytest.param([code(MUTABLE, "Rewrite-Cell")], id="tag in other letters"),
        pytest.param([code(f"# [rewrite_cell]\n\n{MUTABLE}")], id="first line"),
        pytest.param([code(f"\n#[REWRITE_CELL]\n{MUTABLE}")], id="first line in other letters"),
        pytest.param(
            [prose("# Begin mutable cells"), code("a = 1"), code(MUTABLE, "rewrite_cell"), prose("End mutable cells")],
            id="tag within marks",
        ),
    ],
)  # fmt: skip
def test_the_mutable_cell_is_found_however_it_is_marked(cells: list[Any]) -> None:
    assert is_era(new_notebook(cells=cells))
    line, _, seed = score_cell(LOAD, *cells, SCORE).partition("\n")
    assert line == "%%score validation_metric --maximize"
    assert seed == MUTABLE


def test_several_cells_between_the_marks_are_one_seed() -> None:
    cells = [prose("# Begin mutable cells"), code("FACTOR = 1.5"), code("def predict(X):\n    return FACTOR * X")]
    text = score_cell(LOAD, *cells, prose("# End mutable cells"), SCORE)
    assert "FACTOR = 1.5\n\n\ndef predict" in text


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("print(f'Validation Score: {x}')", "Validation Score"),
        ("print('validation_score =', x)", "validation score"),
        ("print('Validation score: %.4f' % x)", "Validation score"),
        ("print('>>> Validation Score: {:.3f}'.format(x))", "Validation Score"),
        ("print('Validation Score: ' + str(x))", "Validation Score"),
        ("print(f'\\nCandidate metric to be minimized: {x}')", "Candidate metric to be minimized"),
        ("sys.stdout.write(f'Final RMSE: {x}\\n')", "Final RMSE"),
        ("print(f'Training Score: {x}')\nprint(f'Accuracy: {y}')", "Accuracy"),
        ("print(f'Score: {x}')\nprint(f'Validation Score: {y}')\nprint(f'Test Score: {z}')", "Validation Score"),
        ("if False:\n    print(f'Validation Score: {x}')", None),
        ("print(f'Test Score: {x}')", None),
        ("print(f'Shape: {x}')", None),
        ("print('the score is computed below')", None),
    ],
)
def test_the_score_line_is_told_from_others(source: str, label: str | None) -> None:
    line = prints(source)
    assert (line.label if line else None) == label


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Validation Score: 0.5", 0.5),
        ("  **validation score** = 1e-3", 1e-3),
        ("Validation Score: np.float64(0.25)", 0.25),
        ("validation_score: -7", -7.0),
        ("Validation Score (5 folds): 93.1%", 93.1),
        ("Validation Score: 1\nother\nValidation Score: 2", 2.0),
        ("Validation Score: inf", float("inf")),
        ("Validation Score: None", None),
        ("Best Validation Score: 3", None),
        ("Validation Scores: 3", None),
    ],
)
def test_the_number_on_the_line_is_read(text: str, value: float | None) -> None:
    assert score_in(text, "Validation Score") == value


def test_what_is_printed_is_heard_and_still_printed() -> None:
    log = io.StringIO()
    with redirect_stdout(log):
        with PrintedScore("Score") as printed:
            sys.stdout.write("Score: 4\n")
        sys.stdout.write("Score: 5\n")
    assert printed.value == 4.0
    assert log.getvalue() == "Score: 4\nScore: 5\n"
    with PrintedScore("Score") as printed:
        sys.stdout.write("nothing\n")
    with pytest.raises(ValueError, match="no line 'Score' with a number was printed"):
        printed.value  # noqa: B018


@pytest.mark.parametrize(
    ("overview", "printed", "direction"),
    [
        ("", "Validation Score", "maximize"),
        ("", "Candidate metric to be minimized", "minimize"),
        ("", "Candidate metric to be maximised", "maximize"),
        ("", "Validation RMSE", "minimize"),
        ("Lower is better.", "Validation Score", "minimize"),
        ("Lower values are better.", "Validation Score", "minimize"),
        ("Reach the lowest possible score.", "Validation Score", "minimize"),
        ("Submissions are evaluated by RMSE.", "Validation Score", "minimize"),
        ("Try a network that minimizes its KL loss. Higher scores are better.", "Validation Score", "maximize"),
        ("Lower is better.", "Validation accuracy", "maximize"),
    ],
)
def test_the_direction_follows_the_wording(overview: str, printed: str, direction: str) -> None:
    score = code(f"print('{printed}:', -abs(predict(X) - y).sum())")
    assert f"--{direction}" in score_cell(prose(overview), LOAD, code(MUTABLE, "rewrite_cell"), score)


@pytest.mark.parametrize("cells", [BATCHES, FORECASTS])
def test_the_metric_gives_what_the_notebook_prints(cells: list[Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    log = io.StringIO()
    with redirect_stdout(log):
        run([cell.source for cell in cells if cell.cell_type == "code"])
        label = "Validation Score" if cells is BATCHES else "Candidate metric to be minimized"
        value = score_in(log.getvalue(), label)
        sources = [
            cell.source for cell in convert(new_notebook(cells=cells)).notebook.cells if cell.cell_type == "code"
        ]
        (at,) = [n for n, source in enumerate(sources) if source.startswith("%%score")]
        namespace = run(sources[: at + 1])
        metric = namespace["validation_metric"]
        names = metric.__code__.co_varnames[: metric.__code__.co_argcount]
        found = metric(*(namespace[name] for name in names))
    assert value is not None
    assert found == value


def test_what_does_not_depend_on_the_candidate_is_done_once_above_it() -> None:
    below = code(
        "import math\n"
        "X_val = np.arange(5.0)\n"
        "y_val = X_val * 2\n"
        "def error(guess):\n    return math.fsum(abs(guess - y_val))\n"
        "guess = predict(X_val)\n"
        "y_val = y_val + 1\n"
        "print(f'Validation Score: {-error(guess)}')\n"
        "open('log.txt', 'w').write('done')"
    )
    sources = converted(LOAD, code(MUTABLE, "rewrite_cell"), below)
    (metric,) = [source for source in sources if "def validation_metric" in source]
    above, rest = sources[: sources.index(metric)], sources[-1]
    assert any("def error" in source and "X_val = np" in source for source in above)
    assert "guess = predict(X_val)" in metric
    assert "open(" not in metric, "what follows the score is no part of it"
    assert "X_val = np" not in rest
    assert "open('log.txt'" in rest
    namespace = run([*above, MUTABLE, metric])
    assert namespace["validation_metric"](namespace["predict"]) == pytest.approx(-0.5 * 10 - 5)


def test_a_name_that_is_read_and_given_anew_keeps_its_value_for_each_candidate() -> None:
    cells = [LOAD, code(MUTABLE, "rewrite_cell"), code("X += 1.0\nprint('Validation Score:', predict(X)[0])")]
    (metric,) = [source for source in converted(*cells) if "def validation_metric" in source]
    namespace = run([LOAD.source, MUTABLE, metric])
    assert "X=X" in metric
    assert namespace["validation_metric"](namespace["predict"]) == 1.5


def test_a_helper_above_that_prints_the_score_is_followed() -> None:
    helper = code("def report(model):\n    print('Validation Score: %f' % -abs(model(X) - y).sum())")
    sources = converted(LOAD, helper, code(MUTABLE, "rewrite_cell"), code("report(predict)"))
    (metric,) = [source for source in sources if "def validation_metric" in source]
    namespace = run([LOAD.source, helper.source, MUTABLE, metric])
    with redirect_stdout(io.StringIO()):
        assert namespace["validation_metric"](namespace["predict"]) == -1.5


def test_hidden_cells_are_kept_from_the_model() -> None:
    hidden = code("# [exclude_from_prompt]\nsecret = 1\nprint(f'Validation Score: {predict(X)[0]}')")
    overview = [prose("Use `X`."), prose("[exclude_from_prompt]\n\nThe answer is `y`.")]
    sources = converted(*overview, LOAD, code(MUTABLE, "rewrite_cell"), hidden)
    (line,) = [source.partition("\n")[0] for source in sources if source.startswith("%%score")]
    assert "--hide validation_metric" in line
    (metric,) = [source for source in sources if "__doc__" in source]
    assert "Use `X`." in metric
    assert "answer" not in metric


def test_the_overview_names_what_candidates_may_read() -> None:
    overview = prose("You may use `weights` and ``helper(x)``; you are scored on `y`.")
    load = code(LOAD.source + "\nweights = [1]\nother = 2\ndef helper(x):\n    return x")
    assert "--share helper,weights\n" in score_cell(overview, load, code(MUTABLE, "rewrite_cell"), SCORE)


@pytest.mark.parametrize(
    ("source", "is_stub"),
    [
        ("def f(x):\n  # Your code here to return x.\n", True),
        ("def f(\n    x,\n) -> int:\n  # Your code here.\n\ny = 1", True),
        ('def f(x):\n    """Return x."""\n    return', True),
        ("def f(x):\n    ...", True),
        ("def f(x):\n    raise NotImplementedError('soon')", True),
        ("def f(x):\n    return x", False),
        ("x = 1", False),
    ],
)
def test_a_stub_is_known_and_made_whole(source: str, is_stub: bool) -> None:
    text, found = whole(source)
    ast.parse(text)
    assert found is is_stub
    assert text.startswith(source.splitlines()[0])


def test_a_stub_is_said_in_the_line() -> None:
    assert "--stub" in score_cell(LOAD, code("def predict(X):\n  # Your code here.", "rewrite_cell"), SCORE)


def test_texts_of_several_lines_stay_as_they_are() -> None:
    source = 'def f():\n  """One\ntwo."""\n  return f"""a\n{1 + 1}\n  b"""\nx = ("p"\n     "q")'
    moved = f"if True:\n{indented(source)}"
    namespace: dict[str, Any] = {}
    exec(moved, namespace)
    assert namespace["f"]() == "a\n2\n  b"
    assert namespace["x"] == "pq"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([LOAD, SCORE], "there is no cell to rewrite"),
        ([LOAD, code("", "rewrite_cell"), SCORE], "the mutable cell is empty"),
        ([LOAD, code("def predict(X:", "rewrite_cell"), SCORE], "the mutable cell is no valid Python"),
        ([LOAD, code(MUTABLE, "rewrite_cell"), code("print(predict(X))")], "no score is printed below"),
        ([LOAD, code(f"{MUTABLE}\nprint('Score:', 1)", "rewrite_cell")], "the mutable cell prints the score itself"),
        ([LOAD, code(MUTABLE, "rewrite_cell"), code("print('Score:', y.sum())")], "does not depend on anything"),
        ([LOAD, code(MUTABLE, "rewrite_cell"), code("def ("), SCORE], "'def (' is no valid Python"),
        ([code(MUTABLE, "rewrite_cell"), LOAD, code("a = 1", "rewrite_cell"), SCORE], "only one piece"),
    ],
)
def test_what_stands_in_the_way_is_said(cells: list[Any], words: str) -> None:
    with pytest.raises(ScoreError) as refused:
        convert(new_notebook(cells=cells))
    assert words in str(refused.value)


def test_the_command_converts_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "task.ipynb", BATCHES)
    before = source.read_bytes()
    assert main(["convert", str(source)]) == 0
    assert "'Validation Score'; maximize" in capsys.readouterr().out
    notebook = nbformat.read(tmp_path / "task.score.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert sum(cell.source.startswith("%%score") for cell in notebook.cells) == 1
    assert source.read_bytes() == before
    assert main(["convert", str(tmp_path / "task.score.ipynb"), str(tmp_path / "again.ipynb")]) == 1
    assert "has a %%score cell already" in capsys.readouterr().err
