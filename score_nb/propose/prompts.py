"""The words of a request as a model reads them; the templates are text files that a user may replace.

Parts that stay the same through a run (the system prompt) come first, so that providers' prompt caches apply.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from score_nb.errors import BadOption
from score_nb.propose.base import Request, Shown
from score_nb.propose.redact import redact

TEMPLATES = (
    "system", "draft", "improve", "debug", "idea", "recombine", "tune", "repair", "form_cell", "form_edit", "condense",
)  # fmt: skip
OPERATORS = ("draft", "improve", "debug", "idea", "recombine", "tune")
BUDGET = 120_000
"""Characters of one prompt: about 30,000 tokens."""

_SIBLINGS = 6
_SIBLING_DIFF = 1_500
_LOG = 4_000
_SCIENTIFIC = (
    "numpy", "scipy", "pandas", "scikit-learn", "statsmodels", "scanpy", "anndata", "scikit-image", "matplotlib",
    "xgboost", "lightgbm", "catboost", "torch", "jax", "tensorflow", "numba", "networkx", "sympy", "mpmath", "polars",
    "pyarrow", "umap-learn", "leidenalg", "igraph", "harmonypy", "bbknn", "scvi-tools", "squidpy", "muon", "gseapy",
    "pynndescent", "imbalanced-learn", "optuna", "nibabel", "nilearn", "nitime", "mne", "sktime", "prophet", "pmdarima",
    "biopython", "rdkit", "xarray", "dask", "geopandas", "shapely", "astropy", "opencv-python", "pillow",
    "transformers", "lifelines", "pymc", "arviz", "gpytorch", "einops", "cvxpy", "PyWavelets", "h5py", "zarr", "joblib",
)  # fmt: skip
_PACKAGES_SHOWN = 40


def render(
    request: Request, *, templates: Path | None = None, packages: Sequence[str] | None = None,
    secrets: Iterable[str] = (), budget: int = BUDGET, edits: bool = False,
) -> tuple[str, str]:  # fmt: skip
    """Return the system prompt and the user prompt of `request`, secrets redacted.

    Parameters
    ----------
    templates : Path, optional
        Folder whose files (`improve.txt` …) stand in for the shipped ones of the same name.
    packages : sequence of str, optional
        Packages that may be imported; by default the scientific ones that are installed here.
    secrets : iterable of str
        Texts that must not go out.
    budget : int
        Characters of both prompts together; what is beyond it is cut from the middle of code and logs, and said so.
    edits : bool
        Whether SEARCH/REPLACE edits are asked for instead of whole cells.

    Raises
    ------
    BadOption
        `templates` is no folder, or a file in it cannot be read.
    """
    secrets = tuple(secrets)
    form = template("form_edit" if edits else "form_cell", templates).strip()
    system = _filled(template("system", templates), {**_stable_parts(request, packages), "form": form})
    system = cut_middle(redact(system, secrets), budget // 2)
    name = request.operator if request.operator in OPERATORS else "improve"
    room = max(budget - len(system), budget // 4)
    user = _filled(template(name, templates), _changing_parts(request, room))
    return system, cut_middle(redact(user, secrets), room)


def repair(problem: str, outputs: Sequence[str], *, templates: Path | None = None) -> str:
    """Return the words that ask for a usable cell once more."""
    return _filled(template("repair", templates), {"problem": problem, "outputs": _listed(outputs)})


def condensing(paper: str, goal: str, *, templates: Path | None = None, budget: int = BUDGET) -> str:
    """Return the words that ask for the method which a paper describes."""
    return _filled(template("condense", templates), {"paper": cut_middle(paper, budget * 3 // 4), "goal": goal})


def template(name: str, folder: Path | None = None) -> str:
    """Return the text of a template, the user's where `folder` holds one."""
    if folder is not None:
        if not folder.is_dir():
            raise BadOption(f"the folder of prompt templates {folder} does not exist")
        own = folder / f"{name}.txt"
        if own.is_file():
            return _read_own(own)
    return files("score_nb.propose").joinpath("templates", f"{name}.txt").read_text("utf-8")


def _read_own(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"the prompt template {path} cannot be read: {error}") from None


def cut_middle(text: str, limit: int) -> str:
    """Return `text` within about `limit` characters, cut in the middle, with a line that says how much is gone."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 5
    tail = limit - head
    return f"{text[:head]}\n[… {len(text) - limit:,} characters cut …]\n{text[-tail:]}"


@lru_cache(maxsize=1)
def installed_packages() -> tuple[str, ...]:
    """Return the scientific packages that are installed here, as "name version", the most general first."""
    found = []
    for name in _SCIENTIFIC:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return tuple(found[:_PACKAGES_SHOWN])


def _filled(text: str, parts: Mapping[str, str]) -> str:
    """Return `text` with {name} replaced, in one pass: braces and blank lines in what is put in stay as they are.

    A line that holds nothing but the name of an empty part goes.
    """
    text = re.sub(r"^\{(\w+)\}\n", lambda match: match[0] if parts.get(match[1], match[0]) else "", text, flags=re.M)
    return re.sub(r"\{(\w+)\}", lambda match: parts.get(match[1], match[0]), text).strip() + "\n"


def _stable_parts(request: Request, packages: Sequence[str] | None) -> dict[str, str]:
    task = request.task
    return {
        "goal": task.goal or task.metric_doc or f"Make `{task.metric}` as good as possible.",
        "metric": _metric(request),
        "inputs": task.data_view or _names(task.inputs) or "Nothing: the cell stands alone.",
        "outputs": _outputs(request),
        "packages": "\n".join(f"- {name}" for name in (installed_packages() if packages is None else packages)),
        "limits": f"{request.timeout:g} seconds, {request.memory:,} MiB of memory beyond the inputs.",
    }


def _metric(request: Request) -> str:
    task = request.task
    better = "higher" if request.direction == "maximize" else "lower"
    lines = [f"`{task.metric}`: {better} is better."]
    if task.metric_doc and task.metric_doc not in task.goal:
        lines.append(task.metric_doc)
    if task.metric_source:
        lines.append(f"```python\n{task.metric_source}\n```")
    if task.scorer:
        lines.append(f"Only the metric can read {_listed(task.scorer)}; the cell cannot.")
    return "\n".join(lines)


def _outputs(request: Request) -> str:
    task = request.task
    lines = [f"{_listed(task.outputs)}, with the types, shapes and signatures that they have in the cell below."]
    if task.parameters:
        lines.append(f"The metric is called with {_listed(task.parameters)}.")
    return "\n".join(lines)


def _changing_parts(request: Request, room: int) -> dict[str, str]:
    parent, partner = request.parent, request.partner
    share = room // 2 if partner is None else room // 3
    return {
        "parent": cut_middle(parent.source, share),
        "parent_value": _standing(parent),
        "parent_log": _log(parent, min(_LOG, room // 6)),
        "partner": cut_middle(partner.source, share) if partner else "",
        "partner_value": _standing(partner) if partner else "",
        "siblings": _siblings(request, room // 6),
        "best": f"The best value of the search so far is {request.best:.6g}." if request.best is not None else "",
        "idea": f"# An idea to follow\n{request.idea.strip()}" if request.idea.strip() else "",
        "hint": f"# What the user asks for\n{request.hint.strip()}" if request.hint.strip() else "",
    }


def _standing(shown: Shown) -> str:
    if shown.value is not None:
        return f"value {shown.value:.6g}"
    if shown.status == "ok":
        return "its value is not known yet"
    return f"failed: {shown.status}" + (f", {shown.detail}" if shown.detail else "")


def _log(shown: Shown, limit: int) -> str:
    log = shown.log.strip()
    return f"# What it printed\n```\n{cut_middle(log, limit)}\n```" if log else ""


def _siblings(request: Request, room: int) -> str:
    """Return the latest children of the parent as value and diff: what need not be tried again."""
    shown = request.siblings[-_SIBLINGS:]
    if not shown:
        return ""
    each = min(_SIBLING_DIFF, room // len(shown))
    entries = [
        f"## {_standing(sibling)}\n```diff\n{cut_middle(_change(request.parent.source, sibling.source), each)}\n```"
        for sibling in shown
    ]
    return "# Tried already, as changes to the cell above\n" + "\n".join(entries)


def _change(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return "\n".join(list(lines)[2:]) or "(no change)"


def _names(names: Sequence[str]) -> str:
    return "\n".join(f"- `{name}`" for name in names)


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}" if quoted else "nothing"
