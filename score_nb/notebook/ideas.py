"""Ideas that the user brings: a list in the notebook, or files with lists, notes, papers, references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from score_nb.errors import BadOption, did_you_mean
from score_nb.propose.documents import ideas_in
from score_nb.propose.idea_text import LONG, MOST_CHARACTERS, Idea, deduplicated, paper_idea, sections_as_ideas


@dataclass(frozen=True, slots=True)
class Ideas:
    """The ideas of a run, each once; `papers` holds the whole text behind those that are papers."""

    texts: tuple[str, ...] = ()
    papers: Mapping[str, str] = field(default_factory=dict)


def read_ideas(option: str | None, namespace: Mapping[str, Any], folder: Path, *, condenses: bool = True) -> Ideas:
    """Return the ideas that `--ideas` names: a list's strings, else those in the files that the pattern finds.

    Several names or patterns are joined by commas.  Papers are kept whole where a language model will condense them
    (`condenses`), else their sections on method are ideas.

    Raises
    ------
    BadOption
        No such list and no such file, a list of something else than text, or a file that cannot be read.
    """
    if option is None:
        return Ideas()
    found = [idea for name in _names(option, namespace) for idea in _named(name, namespace, folder)]
    if not condenses:
        found = [part for idea in found for part in (sections_as_ideas(idea) if idea.paper else [idea])]
    if not found:
        raise BadOption(f"--ideas {option}: there is no idea in it")
    ideas = deduplicated(found)
    return Ideas(tuple(idea.text for idea in ideas), {idea.text: idea.paper for idea in ideas if idea.paper})


def _names(option: str, namespace: Mapping[str, Any]) -> list[str]:
    return [option] if option in namespace else [name.strip() for name in option.split(",") if name.strip()]


def _named(name: str, namespace: Mapping[str, Any], folder: Path) -> list[Idea]:
    if name in namespace:
        return _from_list(name, namespace[name])
    files = _files(name, folder)
    if not files:
        raise BadOption(
            f"--ideas {name}: neither a list of the notebook nor a file in {folder}."
            + did_you_mean(name, [name for name, value in namespace.items() if isinstance(value, (list, tuple))])
        )
    return [idea for path in files for idea in ideas_in(path)]


def _from_list(name: str, value: Any) -> list[Idea]:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, (list, tuple)) or not all(isinstance(idea, str) for idea in value):
        raise BadOption(f"--ideas {name}: {name} should be a list of strings, not {type(value).__name__}")
    return [
        paper_idea(idea, f"{name}[{position}]") if len(idea) > LONG else Idea(idea.strip()[:MOST_CHARACTERS])
        for position, idea in enumerate(value)
        if idea.strip()
    ]


def _files(pattern: str, folder: Path) -> list[Path]:
    path = Path(pattern).expanduser()
    base, relative = (
        (Path(path.anchor), str(path.relative_to(path.anchor))) if path.is_absolute() else (folder, str(path))
    )
    return sorted(found for found in base.glob(relative) if found.is_file())
