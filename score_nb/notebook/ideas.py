"""Ideas that the user brings: a list in the notebook, or text and Markdown files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from score_nb.errors import BadOption, did_you_mean

MOST_CHARACTERS = 8_000
SUFFIXES = (".txt", ".md", ".rst")


def read_ideas(option: str | None, namespace: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """Return the ideas that `--ideas` names: the strings of a list, else one per file that the pattern finds.

    Raises
    ------
    BadOption
        No such list and no such file, or a list of something else than text.
    """
    if option is None:
        return ()
    if option in namespace:
        return _from_list(option, namespace[option])
    files = _files(option, folder)
    if not files:
        raise BadOption(
            f"--ideas {option}: neither a list of the notebook nor a file in {folder}."
            + did_you_mean(option, [name for name, value in namespace.items() if isinstance(value, (list, tuple))])
        )
    return tuple(idea for idea in (_from_file(path) for path in files) if idea)


def _from_list(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value.strip()[:MOST_CHARACTERS],) if value.strip() else ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(idea, str) for idea in value):
        raise BadOption(f"--ideas {name}: {name} should be a list of strings, not {type(value).__name__}")
    return tuple(idea.strip()[:MOST_CHARACTERS] for idea in value if idea.strip())


def _files(pattern: str, folder: Path) -> list[Path]:
    path = Path(pattern).expanduser()
    base, relative = (
        (Path(path.anchor), str(path.relative_to(path.anchor))) if path.is_absolute() else (folder, str(path))
    )
    return sorted(found for found in base.glob(relative) if found.is_file())


def _from_file(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise BadOption(f"--ideas: {path.name} cannot be read in this version: give text files ({', '.join(SUFFIXES)})")
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:MOST_CHARACTERS]
    except OSError as error:
        raise BadOption(f"--ideas: {path} cannot be read ({error.strerror})") from None
