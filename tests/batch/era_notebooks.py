"""Two task notebooks in the conventions of those that were published: how cells are marked, tagged, hidden, scored."""

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
