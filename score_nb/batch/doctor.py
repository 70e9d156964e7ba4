"""What this machine can do: confinement, model, packages, the JupyterLab extension.  Keys are found, never shown."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import score_nb
from score_nb.config import usable_cores
from score_nb.errors import ScoreError

PACKAGES = (
    "anywidget", "ipykernel", "ipython", "ipywidgets", "jupyterlab", "notebook", "nbconvert", "papermill", "openai",
    "numpy", "pandas", "scikit-learn", "scipy", "anndata", "scanpy", "altair", "pillow",
)  # fmt: skip
NEEDED = ("anywidget", "ipykernel", "ipython", "ipywidgets", "papermill", "openai", "numpy", "pandas", "pillow")
EXTENSION = "score-nb"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found.  Everything here may be shown: no key, no value of the environment but names and hosts."""

    score_nb: str
    python: str
    platform: str
    cores: int
    packages: dict[str, str | None]
    confinement: dict[str, Any]
    model: dict[str, Any]
    extension: dict[str, Any]
    store: dict[str, Any]


def examine(environ: Mapping[str, str] | None = None) -> Findings:
    """Return what holds on this machine, each thing found by trying."""
    environ = os.environ if environ is None else environ
    return Findings(
        score_nb=score_nb.__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        cores=usable_cores(),
        packages={name: _version(name) for name in PACKAGES},
        confinement=_confinement(),
        model=_model(environ),
        extension=_extension(_data_folders(), _config_folders()),
        store=_store(environ),
    )


def to_json(findings: Findings) -> str:
    """Return the findings as JSON."""
    return json.dumps(asdict(findings), indent=1)


def to_text(findings: Findings) -> str:
    """Return the findings as lines, what is missing marked and with its mend."""
    lines = [
        f"score-nb {findings.score_nb}, Python {findings.python}, {findings.platform}, {findings.cores} cores",
        "",
        f"Confinement of candidates: {findings.confinement['level']}",
        *(_mark(not why, layer, why) for layer, why in findings.confinement["layers"].items()),
        *_word_line(findings.confinement["level"]),
        "",
        "Model",
        _mark(bool(findings.model["ready"]), findings.model["words"], findings.model["mend"]),
        "",
        "JupyterLab extension",
        _mark(bool(findings.extension["ready"]), findings.extension["words"], findings.extension["mend"]),
        "",
        "Store",
        _mark(bool(findings.store["writable"]), findings.store["folder"], findings.store["mend"]),
        "",
        "Packages",
        *(_package_line(name, version) for name, version in findings.packages.items()),
    ]
    return "\n".join(lines)


def _word_line(level: str) -> list[str]:
    word = f"  a language model's code runs here only with your word: --confinement {level} (docs/security.md)"
    return [] if level == "full" else [word]


def _mark(holds: bool, what: str, why: str = "") -> str:
    return f"  {'✓' if holds else '✗'} {what}" + (f": {why}" if why else "")


def _package_line(name: str, version: str | None) -> str:
    if version is not None:
        return _mark(True, f"{name} {version}")
    return _mark(False, name, f"pip install {name}") if name in NEEDED else f"  · {name} not installed (optional)"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _confinement() -> dict[str, Any]:
    from score_nb.evaluate.probe import probe

    found = probe()
    return {"level": found.level, "layers": dict(found.layers)}


def _model(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `--model` means here when it is not given.  The key is only looked for."""
    from score_nb.propose.choose import proposer_for
    from score_nb.propose.openai_api import endpoint_from

    endpoint = endpoint_from(environ)
    found = {
        "endpoint": endpoint.host if endpoint.is_configured else "",
        "key_found": bool(endpoint.key),
        "named": environ.get("SCORE_NB_MODEL", ""),
        "default": "",
        "ready": False,
        "mend": "",
    }
    try:
        proposer = proposer_for(None, environ)
        found |= {"default": proposer.name, "ready": True}
        proposer.close()
    except ScoreError as error:
        found["mend"] = str(error)
    server = f"{found['endpoint']}, {'key found' if endpoint.key else 'no key'}" if endpoint.is_configured else ""
    where = server or "no key and no server configured"
    return {**found, "words": f"{found['default'] or 'no model'} ({where})"}


def _extension(data_folders: Iterable[Path], config_folders: Iterable[Path]) -> dict[str, Any]:
    """Return whether JupyterLab of this environment finds the extension whole and switched on."""
    folder = next((path for base in data_folders if (path := base / "labextensions" / EXTENSION).is_dir()), None)
    found: dict[str, Any] = {
        "folder": str(folder) if folder else "",
        "version": "",
        "enabled": False,
        "ready": False,
        "mend": "",
    }
    if folder is None:
        mend = "pip install score-nb into the environment that JupyterLab runs in; until then use %score accept"
        return {**found, "words": "not installed here", "mend": mend}
    problem = _damage(folder)
    if problem:
        mend = "pip install --force-reinstall score-nb, and restart JupyterLab"
        return {**found, "words": f"{folder} is not whole ({problem})", "mend": mend}
    found["version"] = _read(folder / "package.json").get("version", "")
    found["enabled"] = not _is_disabled(config_folders)
    if not found["enabled"]:
        return {**found, "words": f"{folder} is switched off", "mend": f"jupyter labextension enable {EXTENSION}"}
    return {**found, "words": f"{found['version']} in {folder}, enabled", "ready": True}


def _damage(folder: Path) -> str:
    """Return what is missing of an installed extension, "" where nothing is."""
    package = _read(folder / "package.json")
    if not package:
        return "package.json is missing"
    entry = package.get("jupyterlab", {}).get("_build", {}).get("load", "")
    return "" if entry and (folder / entry).is_file() else f"{entry or 'the entry of its build'} is missing"


def _is_disabled(config_folders: Iterable[Path]) -> bool:
    """Return whether the extension or a plugin of it is switched off; the first page_config.json that speaks wins."""
    for folder in config_folders:
        listed = _read(folder / "labconfig" / "page_config.json").get("disabledExtensions", {})
        said = dict.fromkeys(listed, True) if isinstance(listed, list) else listed
        for name, is_off in said.items():
            if name.partition(":")[0] == EXTENSION:
                return bool(is_off)
    return False


def _store(environ: Mapping[str, str]) -> dict[str, Any]:
    from score_nb.store.runs import store_root

    root = store_root(Path.cwd(), environ)
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    writable = os.access(nearest, os.W_OK | os.X_OK)
    mend = "" if writable else "cannot be written: set SCORE_NB_HOME to a folder that can"
    return {"folder": str(root), "writable": writable, "mend": mend}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _data_folders() -> list[Path]:
    from jupyter_core.paths import jupyter_path

    # A virtual environment's own folder counts also where a user's folder comes first.
    return [Path(sys.prefix) / "share" / "jupyter", *map(Path, jupyter_path())]


def _config_folders() -> list[Path]:
    from jupyter_core.paths import jupyter_config_path

    return [Path(folder) for folder in jupyter_config_path()]
