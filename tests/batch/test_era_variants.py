"""Notebooks in ERA's format as different hands write them: converted, the metric gives the number that they print."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_notebook

from score_nb.batch.convert import convert
from score_nb.batch.printed import score_in
from tests.batch.era_notebooks import REGIONS, SERIES, code, prose
from tests.batch.test_era import run

LOAD = code("import numpy as np, pandas as pd\nOUT = 'out.csv'\nX = np.arange(6.0).reshape(-1, 1)\ny = 2 * X[:, 0]")
PREDICT = "import numpy as np\ndef predict(X):\n    return 1.5 * X[:, 0]"
ERROR = "np.abs(predict(X) - y).mean()"
FRAME = "pred = pd.DataFrame({'p': 1.5 * X[:, 0]})"
TO_BE_MINIMIZED = "Candidate metric to be minimized"


def cells_of(mutable: list[str], below: list[str], load: Any = LOAD) -> list[Any]:
    marked = [prose("# Begin mutable cells"), *map(code, mutable), prose("# End mutable cells")]
    return [load, *marked, *map(code, below)]


VARIANTS: dict[str, tuple[list[Any], str, str]] = {
    "several mutable cells, prose between": (
        [
            LOAD, prose("Begin mutable cells"), code("def twice(a):\n    return a * 1.5"), prose("Now predict."),
            code("def predict(X):\n    return twice(X[:, 0])"), prose("End mutable cells"),
            code(f"print(f'Validation Score: {{-{ERROR}}}')"),
        ],
        "Validation Score", "maximize",
    ),
    "the mutable cell prints the score": (
        cells_of([f"{PREDICT}\nscore = float({ERROR})\nprint(f'{TO_BE_MINIMIZED}: {{score}}')"], []),
        TO_BE_MINIMIZED, "minimize",
    ),
    "the mutable cell scores step by step": (
        cells_of(
            [
                f"{PREDICT}\npred = predict(X)\nmse = ((pred - y) ** 2).mean()\nrmse = np.sqrt(mse)\n"
                "print(f'Validation RMSE: {rmse}')"
            ],
            [],
        ),
        "Validation RMSE", "minimize",
    ),
    "the mutable cell has a function that scores": (
        cells_of([f"{PREDICT}\ndef evaluate():\n    print(f'Validation Score: {{-{ERROR}}}')\nevaluate()"], []),
        "Validation Score", "maximize",
    ),
    "the mutable cell prints a number and a later one the score": (
        cells_of([f"{PREDICT}\nprint('Validation Score:', 1.0)"], [f"print('Validation Score:', -{ERROR})"]),
        "Validation Score", "maximize",
    ),
    "the candidate writes a table": (
        cells_of(
            [f"{FRAME}\npred.to_csv('submission.csv', index=False)"],
            ["sub = pd.read_csv('submission.csv')\nprint('Validation Score: %f' % -np.abs(sub['p'] - y).mean())"],
        ),
        "Validation Score", "maximize",
    ),
    "the candidate writes a table of a named file": (
        cells_of(
            [f"{FRAME}\npred.to_csv(OUT, index=False)"],
            ["sub = pd.read_csv(OUT)\nprint('Validation Score:', -np.abs(sub['p'] - y).mean())"],
        ),
        "Validation Score", "maximize",
    ),
    "the candidate writes JSON": (
        cells_of(
            ["import json\npred = (1.5 * X[:, 0]).tolist()\nwith open('out.json', 'w') as f:\n    json.dump(pred, f)"],
            ["with open('out.json') as f:\n    p = np.array(json.load(f))",
             "print('Validation Score:', -np.abs(p - y).mean())"],
        ),
        "Validation Score", "maximize",
    ),
    "helpers and a fitted model of the mutable cell": (
        cells_of(
            ["def features(X):\n    return np.hstack([X, X ** 2])\nw = np.linalg.lstsq(features(X), y, rcond=None)[0]"],
            ["p = features(X) @ w\nprint(f'Validation Score: {-((p - y) ** 2).mean():.6f}')"],
        ),
        "Validation Score", "maximize",
    ),
    "a NumPy number and what stands behind it": (
        cells_of([PREDICT], [f"s = np.float64({ERROR})\nprint('Validation Score:', repr(s), '(lower is better)')"]),
        "Validation Score", "minimize",
    ),
    "what stands behind the number tells the direction": (
        cells_of([PREDICT], [f"print(f'Validation Score: {{{ERROR}:.4f}} (lower is better)')"]),
        "Validation Score", "minimize",
    ),
    "no number": (
        cells_of([PREDICT], ["print(f'Validation Score: {np.nan * predict(X)[1]}')"]), "Validation Score", "maximize",
    ),
    "a main function": (
        cells_of(
            [PREDICT],
            [
                f"def main():\n    m = -{ERROR}\n    print(f'Validation Score: {{m}}')\n\n"
                "if __name__ == '__main__':\n    main()"
            ],
        ),
        "Validation Score", "maximize",
    ),
    "folds, then their mean": (
        cells_of(
            [PREDICT],
            [
                "scores = []\nfor k in range(3):\n    scores.append(-np.abs(predict(X[k:]) - y[k:]).mean())\n"
                "    print(f'Fold {k} score: {scores[-1]}')\nprint(f'Validation Score: {np.mean(scores)}')"
            ],
        ),
        "Validation Score", "maximize",
    ),
    "a message that is printed later": (
        cells_of([PREDICT], [f"text = f'Validation Score: {{-{ERROR}}}'", "print('done')\nprint(text)"]),
        "Validation Score", "maximize",
    ),
    "label and number printed apart": (
        cells_of([PREDICT], [f"s = -{ERROR}\nprint('Validation Score: ', end='')\nprint(s)"]),
        "Validation Score", "maximize",
    ),
    "a text of two pieces": (
        cells_of([PREDICT], [f"s = -{ERROR}\nprint(\n    'Validation Score:'\n    f' {{s:.3f}}'\n)"]),
        "Validation Score", "maximize",
    ),
    "a class": (
        cells_of(
            ["class Model:\n    def fit(self, X, y):\n        self.w = 1.5\n        return self\n"
             "    def predict(self, X):\n        return self.w * X[:, 0]"],
            ["model = Model()\nmodel.fit(X, y)\npreds = model.predict(X)",
             f"print(f'{TO_BE_MINIMIZED}: {{np.sqrt(((preds - y) ** 2).mean())}}')"],
        ),
        TO_BE_MINIMIZED, "minimize",
    ),
    "a score that is tried for": (
        cells_of(
            [PREDICT],
            [f"try:\n  s = -{ERROR}\nexcept Exception as e:\n  s = float('-inf')\nprint(f'Validation Score: {{s}}')"],
        ),
        "Validation Score", "maximize",
    ),
    "settings beside the function, a state above, the direction in the overview": (
        SERIES, "Validation Score", "minimize",
    ),
    "values handed over, a hidden helper that prints two scores": (
        REGIONS, "Candidate metric to be maximized", "maximize",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_the_metric_gives_what_is_printed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells, label, direction = VARIANTS[name]
    monkeypatch.chdir(tmp_path)
    log = io.StringIO()
    with redirect_stdout(log):
        run([cell.source for cell in cells if cell.cell_type == "code"])
    value = score_in(log.getvalue(), label)
    for file in tmp_path.iterdir():
        file.unlink()  # the metric's own one, not that of the notebook as it was
    with redirect_stdout(io.StringIO()):
        sources = [c.source for c in convert(new_notebook(cells=cells)).notebook.cells if c.cell_type == "code"]
        (at,) = [n for n, source in enumerate(sources) if source.startswith("%%score")]
        namespace = run(sources[: at + 1])
        metric = namespace["validation_metric"]
        names = metric.__code__.co_varnames[: metric.__code__.co_argcount]
        found = metric(*(namespace[name] for name in names))
    assert value is not None
    assert found == pytest.approx(value, nan_ok=True)
    assert sources[at].startswith(f"%%score validation_metric --{direction}")
    seed = sources[at].partition("\n")[2]
    assert label not in seed or "and a later one" in name
    assert "to_csv" not in seed
    assert "json.dump" not in seed


def test_what_only_ipython_gives_does_not_stand_in_the_way() -> None:
    load = code(
        "%matplotlib inline\n!pip list\nimport numpy as np\n%env FOO=1\nfiles = !ls\nnow = %who_ls\n"
        "X = np.arange(6.0).reshape(-1, 1)\ny = 2 * X[:, 0]"
    )
    cells = cells_of([PREDICT], [f"%%time\nprint('Validation Score:', -{ERROR})"], load)
    result = convert(new_notebook(cells=cells))
    assert result.notebook.cells[0].source == load.source
    assert any(cell.source.startswith("%%score validation_metric") for cell in result.notebook.cells)


def test_what_is_moved_is_told() -> None:
    cells = cells_of([f"{PREDICT}\nprint(f'Validation Score: {{-{ERROR}}}')"], [])
    said = convert(new_notebook(cells=cells)).said
    assert any(sentence.startswith("moved below the mutable cell") and "print(f'Valid" in sentence for sentence in said)


def test_what_a_comment_of_the_mutable_cell_names_may_be_read_unless_candidates_are_scored_on_it() -> None:
    sources = [cell.source for cell in convert(new_notebook(cells=REGIONS)).notebook.cells]
    (line,) = (source.splitlines()[0] for source in sources if source.startswith("%%score"))
    assert line == "%%score validation_metric --maximize --share labels_train,points_train"


def test_what_the_answers_were_cut_from_is_not_handed_to_candidates() -> None:
    overview = prose("`table` has all rows, `train` those to learn from, `scale` helps.")
    load = code(
        "import numpy as np\ntable = np.arange(6.0).reshape(-1, 2)\ntrain, test = table[:2], table[2:]\nscale = 2.0\n"
        "X, y = test[:, :1], test[:, 1]\ntable, train, scale"
    )
    cells = cells_of([PREDICT], [f"print(f'Validation Score: {{-{ERROR}}}')"], load)
    sources = [cell.source for cell in convert(new_notebook(cells=[overview, *cells])).notebook.cells]
    (line,) = (source.splitlines()[0] for source in sources if source.startswith("%%score"))
    assert line == "%%score validation_metric --maximize --share scale,train"


def test_hidden_notes_are_no_part_of_the_goal() -> None:
    sources = [cell.source for cell in convert(new_notebook(cells=REGIONS)).notebook.cells]
    (text,) = [source for source in sources if "__doc__" in source]
    assert "mean IoU" in text
    assert "organisers" not in text
