"""From what `--model` says to the proposer that it means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from score_nb.errors import BadOption, ModelUnavailable, did_you_mean
from score_nb.propose.base import Proposer
from score_nb.propose.ensemble import Ensemble
from score_nb.propose.offline import NAME as OFFLINE
from score_nb.propose.offline import OfflineProposer
from score_nb.propose.papers import Papers

if TYPE_CHECKING:
    from score_nb.propose.replay import ReplayProposer

REPLAY = "replay:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a language model is asked.

    Attributes
    ----------
    effort : str or None
        `reasoning_effort` as the server takes it.
    edits : bool
        Whether SEARCH/REPLACE edits are asked for instead of whole cells.
    prompts : str or None
        A folder of prompt templates that stand in for the shipped ones.
    papers : mapping of str to str
        The whole texts behind ideas that are papers.
    is_rehearsal : bool
        Whether nobody will be asked: then neither key nor server nor name is needed.
    folder : Path or None
        Where a recording is looked for that is not in the current folder: the notebook's.
    """

    effort: str | None = None
    edits: bool = False
    prompts: str | None = None
    papers: Mapping[str, str] = field(default_factory=dict)
    is_rehearsal: bool = False
    folder: Path | None = None


def proposer_for(
    model: str | None, environ: Mapping[str, str] | None = None, manner: Manner | None = None
) -> Proposer:  # fmt: skip
    """Return the proposer that `model` names; by default the one of SCORE_NB_MODEL, else `offline`.

    `model` is `offline`, `replay:FILE`, a model's name, or several of these with commas between: an ensemble.  A price
    table `prices.json` and a folder `prompts` of templates in SCORE_NB_HOME, else in the user's folder of settings
    (`~/.config/score-nb`), take the place of the shipped ones.

    Raises
    ------
    ModelUnavailable
        A key or server is configured but no model named, or a model named and neither configured.
    BadOption
        A recording cannot be read, the text names nothing, or the folder of templates does not exist.
    """
    environ = os.environ if environ is None else environ
    wanted = (environ.get("SCORE_NB_MODEL", "") if model is None else model).strip()
    manner = manner or Manner()
    if not wanted and model is None:
        return _default(environ, manner)
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        raise BadOption("--model names no model: give a name, several with commas between, offline or replay:FILE")
    papers = Papers(manner.papers)
    members = [_named(name, environ, manner, papers) for name in names]
    return members[0] if len(members) == 1 else Ensemble(members)


def is_language_model(model: str | None, environ: Mapping[str, str] | None = None) -> bool:
    """Return whether prompts are read by a language model, or were when they were recorded."""
    environ = os.environ if environ is None else environ
    wanted = (environ.get("SCORE_NB_MODEL", "") if model is None else model).strip().lower()
    return any(name.strip() not in ("", OFFLINE) for name in wanted.split(","))


def recorded_seed(
    model: str | None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> int | None:  # fmt: skip
    """Return the `--seed` under which a replay gives the same tree again, None where `model` is no recording."""
    environ = os.environ if environ is None else environ
    wanted = (environ.get("SCORE_NB_MODEL", "") if model is None else model).strip()
    if not wanted.lower().startswith(REPLAY) or "," in wanted:
        return None
    return _replay(wanted[len(REPLAY) :].strip(), folder).entropy


def _default(environ: Mapping[str, str], manner: Manner) -> Proposer:
    from score_nb.propose.openai_api import endpoint_from

    endpoint = endpoint_from(environ)
    if endpoint.is_configured and manner.is_rehearsal:
        return _model("unnamed", environ, manner, Papers(manner.papers))
    if endpoint.is_configured:
        raise ModelUnavailable(
            f"no model named for {endpoint.host}: say --model NAME or set SCORE_NB_MODEL "
            "(--model offline needs no server)"
        )
    return OfflineProposer()


def _named(name: str, environ: Mapping[str, str], manner: Manner, papers: Papers) -> Proposer:
    if name.lower() == OFFLINE:
        return OfflineProposer()
    if name.lower().startswith(REPLAY):
        return _replay(name[len(REPLAY) :].strip(), manner.folder)
    return _model(name, environ, manner, papers)


def _replay(file: str, folder: Path | None) -> ReplayProposer:
    from score_nb.propose.replay import ReplayProposer

    if not file:
        raise BadOption("--model replay: needs the path of a recording, as in replay:run.jsonl")
    path = Path(file).expanduser()
    if folder is not None and not path.is_absolute() and not path.exists() and (folder / path).exists():
        path = folder / path
    return ReplayProposer(path)


def _model(name: str, environ: Mapping[str, str], manner: Manner, papers: Papers) -> Proposer:
    from score_nb.propose.openai_api import OpenAIProposer, endpoint_from

    endpoint = endpoint_from(environ)
    if not endpoint.is_configured and not manner.is_rehearsal:
        raise ModelUnavailable(
            "no API key: set OPENAI_API_KEY, point OPENAI_BASE_URL at a local server, or choose --model offline."
            + did_you_mean(name, [OFFLINE, "replay:FILE"])
        )
    own = Path(manner.prompts).expanduser() if manner.prompts else None
    if own is not None and not own.is_dir():
        raise BadOption(f"--prompts {manner.prompts}: there is no such folder of prompt templates")
    return OpenAIProposer(
        name,
        endpoint=endpoint,
        environ=environ,
        effort=manner.effort,
        edits=manner.edits,
        papers=papers,
        prices=_users("prices.json", environ),
        templates=own or _users("prompts", environ),
    )


def _users(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return the user's file or folder of that name, None where there is none."""
    folders = [Path(environ["SCORE_NB_HOME"]).expanduser()] if environ.get("SCORE_NB_HOME") else []
    base = environ.get("XDG_CONFIG_HOME") or environ.get("APPDATA")
    folders.append((Path(base) if base else Path.home() / ".config") / "score-nb")
    return next((folder / name for folder in folders if (folder / name).exists()), None)
