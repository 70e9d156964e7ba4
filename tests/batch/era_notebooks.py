"""Task notebooks in the conventions of those that were published: how cells are marked, tagged, hidden, scored."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def code(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)})


def prose(source: str) -> Any:
    return new_markdown_cell(source, metadata={"tags": []})


def write(path: Path, cells: list[Any]) -> Path:
    """Write a notebook of format 4.0, without cell ids, as Kaggle does."""
    notebook = new_notebook(cells=deepcopy(cells), metadata={"kernelspec": KERNEL, "kaggle": {"language": "python"}})
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 0
    nbformat.write(notebook, path)
    return path


# Marks in Markdown and no tag at all; the labels are taken away from the candidate and given back; the score is
# computed in one cell and printed in the next; held-out cells never run.
BATCHES = [
    prose("# Overview\n\nRemove the batch effect while conserving the groups. Higher scores are better."),
    prose("**Input Format:** a frame with columns `x`, `batch`. `WEIGHT` is how much the batch counts."),
    code("from IPython.display import clear_output"),
    code(
        "%%capture\nimport dataclasses\nimport numpy as np\nimport pandas as pd\n"
        "\nINPUT_FILE = './cells.csv'\nWEIGHT = 0.5"
    ),
    code(
        "rng = np.random.default_rng(0)\n"
        "n = 120\n"
        "frame = pd.DataFrame({'batch': np.arange(n) % 3, 'group': np.arange(n) % 2})\n"
        "frame['x'] = frame['group'] * 4.0 + frame['batch'] * 3.0 + rng.normal(size=n)\n"
        "frame.to_csv(INPUT_FILE, index=False)"
    ),
    code("# Input data.\ninput_data = pd.read_csv(INPUT_FILE)\nprint(input_data)"),
    prose("# Evaluation"),
    code(
        "@dataclasses.dataclass(frozen=True)\n"
        "class Result:\n"
        "  name: str\n"
        "  value: float\n"
        "\n"
        "def score(output: pd.DataFrame, original: pd.DataFrame) -> float:\n"
        '  """Scores the output."""\n'
        "  between = output.groupby('group')['x'].mean().std()\n"
        "  within = output.groupby('batch')['x'].mean().std()\n"
        "  results = [Result('group', between), Result('batch', -WEIGHT * within)]\n"
        "  print('Metrics:')\n"
        "  return float(sum(r.value for r in results) / (1.0 + original['x'].std()))"
    ),
    code(
        "# [exclude_from_prompt]\n\n# Test on a small subset:\nscore(input_data.head(20), input_data)\nclear_output()"
    ),
    prose("# Begin mutable cells"),
    code(
        "from typing import Any\n"
        "import numpy as np\n"
        "\n"
        "# Define parameters for the config.\n"
        "config = {'strength': 0.5}\n"
        "\n"
        "\n"
        "def eliminate_batch_effect_fn(data, config: dict[str, Any]):\n"
        "  data = data.copy()\n"
        "  means = data.groupby('batch')['x'].transform('mean')\n"
        "  data['x'] = data['x'] - config['strength'] * means\n"
        "  return data\n"
    ),
    prose("# End mutable cells"),
    prose("# Validation"),
    code(
        "group_info = input_data.pop('group')\n"
        "output_data = eliminate_batch_effect_fn(input_data, config=config)\n"
        "output_data['group'] = group_info"
    ),
    code("validation_score = score(output_data, frame)\nprint(f'Validation Score: {validation_score}')"),
    code(
        "# [exclude_from_prompt]\n\n# Calculate scores based on the test set.\nif False:\n"
        "  test = pd.read_csv('./test.csv')\n"
        "  print(\n      'Validation Score (calculated using test set):'\n      f' {score(test, test)}'\n  )"
    ),
    code(""),
]

# A tag on the mutable cell; helpers and data stand below it; the run itself is hidden, prints its score in words that
# tell the direction, and writes a file after that; cells below read what it computed.
FORECASTS = [
    prose("# Overview\n\nForecast the next week. The model should reach the lowest possible error.\n\n'''quoted'''\n"),
    prose("The data: `train_x`, `train_y`. `locations` is there for context; r\"\"\"raw\"\"\" \\d."),
    code("!echo installing"),
    code("import warnings\nimport numpy as np\nimport pandas as pd\n\nHORIZONS = [0, 1]\nnp.seterr(over='raise')"),
    code(
        "# [exclude_from_prompt]\n\n"
        "dataset = pd.DataFrame({'week': np.arange(40), 'y': 3.0 * np.arange(40) + 2})\n"
        "locations = pd.DataFrame({'code': ['01', '02']})"
    ),
    code("print(locations.info())\nprint(locations.head())"),
    prose("# Begin mutable cells"),
    code(
        "# Describe the core principles of the required method:\n# -\n\n"
        "import numpy as np\nimport pandas as pd\n\n"
        "def fit_and_predict_fn(\n    train_x: pd.DataFrame,\n    train_y: pd.Series,\n"
        "    test_x: pd.DataFrame,\n) -> pd.Series:\n"
        '  """Make predictions for test_x.\n\n  Do not do any cross-validation in here.\n  """\n'
        "  slope = 2.5\n"
        "  return pd.Series(slope * test_x['week'] + 2.0, index=test_x.index)\n",
        "rewrite_cell",
    ),
    prose("# End mutable cells"),
    code(
        "### Evaluation helper functions\n\nfrom typing import Callable\n\n"
        "def rolling(data: pd.DataFrame, fit: Callable, horizons=HORIZONS):\n"
        '  """Returns the error:\nmean over all folds."""\n'
        "  errors = []\n"
        "  for end in range(10, 30, 5):\n"
        "    train, test = data[:end], data[end : end + 1 + max(horizons)]\n"
        "    guess = fit(train[['week']], train['y'], test[['week']])\n"
        "    errors.append(float(np.abs(guess - test['y']).mean()))\n"
        "  return pd.DataFrame({'error': errors}), np.mean(errors)"
    ),
    prose("### Execute Validation Run"),
    code(
        "# [exclude_from_prompt]\n\n"
        "# --- Execute Validation Run ---\n"
        "print('--- Starting Validation Run ---')\n"
        "dataset = dataset[dataset['week'] >= 0]\n"
        "validation_forecasts, validation_error = rolling(dataset.copy(), fit_and_predict_fn)\n"
        "print(f'Candidate metric to be minimized: {validation_error}')\n\n"
        "if not validation_forecasts.empty:\n"
        "    validation_forecasts.to_csv('validation_forecasts.csv', index=False)\n"
        '    print("Validation forecasts saved")'
    ),
    code("# [exclude_from_prompt]\n\nprint('folds:', len(validation_forecasts))", "exclude_from_prompt"),
    prose("### Execute Test Run"),
    code(
        "# [exclude_from_prompt]\n\n_, test_score = rolling(dataset.copy(), fit_and_predict_fn, horizons=[3])\n"
        'print(\n    f"\\nTest Score: {test_score}"\n)',
        "exclude_from_prompt",
    ),
]  # fmt: skip

# Marks in comments of HTML; the mutable cell is marked in its first line, reads a state from above and gives a list of
# settings beside its function; two numbers are printed, which way is better stands in the overview only; a cell below
# the printed score calls the function again.
SERIES = [
    prose(
        "# Overview\n\nImplement `forecast_fn`. Fitness is the geometric mean of the normalised MASE over all series, "
        "**lower is better**."
    ),
    prose("## Data dictionary\n\n- `datasets`: mapping of name to series.\n- `HORIZON`: steps ahead."),
    code("import math\nimport numpy as np\nimport pandas as pd\nfrom functools import lru_cache\n\nHORIZON = 4"),
    code(
        "# [exclude_from_prompt]\n"
        "def _load(seed):\n"
        "    rng, t = np.random.default_rng(seed), np.arange(60)\n"
        "    return pd.Series(10 + 0.3 * t + 3 * np.sin(t * 2 * np.pi / 12) + rng.normal(0, 0.2, 60))\n"
        "\n"
        "datasets = {f'd{i}': _load(i) for i in range(3)}\n"
        "_held_out = {f'h{i}': _load(100 + i) for i in range(3)}"
    ),
    code("for name, series in datasets.items():\n    print(name, series.head(3).tolist())"),
    code("state = {'season': 12}"),
    prose("<!-- Begin mutable cells -->"),
    code(
        "# [rewrite_cell]\n"
        "# Core principles:\n"
        "# - seasonal naive\n"
        "import numpy as np\n"
        "\n"
        "config_list = [{'damp': 0.5}, {'damp': 1.0}]\n"
        "\n"
        "\n"
        "def forecast_fn(history, horizon, config):\n"
        "    last = history.to_numpy()[-state['season']:]\n"
        "    return config['damp'] * last[:horizon]\n"
    ),
    prose("<!-- End mutable cells -->"),
    code(
        "def mase(actual, predicted, history):\n"
        "    scale = np.abs(np.diff(history.to_numpy())).mean()\n"
        "    return np.abs(np.asarray(actual) - np.asarray(predicted)).mean() / scale\n"
        "\n"
        "@lru_cache(maxsize=None)\n"
        "def names():\n"
        "    return tuple(sorted(datasets))"
    ),
    code(
        "def evaluate(data):\n"
        "    best = {}\n"
        "    for config in config_list:\n"
        "        values = []\n"
        "        for name in data:\n"
        "            history, actual = data[name][:-HORIZON], data[name][-HORIZON:]\n"
        "            values.append(mase(actual, forecast_fn(history, HORIZON, config), history))\n"
        "        best[str(config)] = math.exp(np.mean(np.log(values)))\n"
        "        print(f'  config {config}: {best[str(config)]:.4f}')\n"
        "    return min(best.values())"
    ),
    code(
        "print('=== Validation ===')\n"
        "validation = evaluate({name: datasets[name] for name in names()})\n"
        "print(f'Geometric mean MASE: {validation:.6f}')\n"
        "print('**Validation Score:**', validation)"
    ),
    code("# [exclude_from_prompt]\nif False:\n    print('Test score:', evaluate(_held_out))", "exclude_from_prompt"),
    code("print(sum(forecast_fn(datasets[name], 2, config_list[0]).sum() for name in names()), validation)"),
]

# The tag in another spelling; the mutable cell hands over values, and a comment of it names what may be read; a hidden
# helper above prints the score, under two labels; notes in Markdown are hidden as well.
REGIONS = [
    prose("Overview\n========\nClassify points. **The objective (mean IoU) is to be maximized.**"),
    prose("[exclude_from_prompt]\n\nNotes of the organisers: the labels come from a ring."),
    code("import json\nimport time\nimport numpy as np\n\nstart_time = time.time()"),
    code(
        "points = np.random.default_rng(3).uniform(-1, 1, size=(300, 2))\n"
        "labels = (np.hypot(*points.T) < 0.6).astype(int)\n"
        "points_train, points_val = points[:200], points[200:]\n"
        "labels_train, labels_val = labels[:200], labels[200:]"
    ),
    code(
        "#[exclude_from_prompt]\n"
        "def iou(pred, true):\n"
        "    found = []\n"
        "    for k in (0, 1):\n"
        "        union = ((pred == k) | (true == k)).sum()\n"
        "        found.append(((pred == k) & (true == k)).sum() / max(union, 1))\n"
        "    return float(np.mean(found))\n"
        "\n"
        "def report(pred):\n"
        "    value = iou(np.asarray(pred), labels_val)\n"
        "    print()\n"
        "    print('Val mIoU:', value)\n"
        "    print(f'Candidate metric to be maximized = {value}')\n"
        "    return value"
    ),
    prose("# Begin mutable cells"),
    code(
        "# You may use `points_train` and `labels_train`, but not `labels_val`.\n"
        "radius = 0.4\n"
        "predict_fn = lambda p: (np.hypot(p[:, 0], p[:, 1]) < radius).astype(int)\n"
        "predictions = predict_fn(points_val)",
        "Rewrite-Cell",
    ),
    prose("# End mutable cells"),
    code("val = report(predictions)\nelapsed = time.time() - start_time"),
    code("print(json.dumps({'val': val, 'radius': radius}))"),
]
