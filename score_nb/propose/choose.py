"""From what `--model` says to the proposer that it means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from score_nb.errors import BadOption, ModelUnavailable, did_you_mean
from score_nb.propose.base import Proposer
from score_nb.propose.ensemble import Ensemble
from score_nb.propose.offline import NAME as OFFLINE
from score_nb.propose.offline import OfflineProposer

_REPLAY = "replay:"


def proposer_for(model: str | None, environ: Mapping[str, str] | None = None) -> Proposer:
    """Return the proposer that `model` names; by default the one of SCORE_NB_MODEL, else `offline`.

    `model` is `offline`, `replay:FILE`, a model's name, or several of these with commas between: an ensemble.  A price
    table `prices.json` and a folder `prompts` of templates in SCORE_NB_HOME take the place of the shipped ones.

    Raises
    ------
    ModelUnavailable
        A key or server is configured but no model named, or a model named and neither configured.
    BadOption
        A recording cannot be read, or the text names nothing.
    """
    environ = os.environ if environ is None else environ
    wanted = (environ.get("SCORE_NB_MODEL", "") if model is None else model).strip()
    if not wanted and model is None:
        return _default(environ)
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        raise BadOption("--model names no model: give a name, several with commas between, offline or replay:FILE")
    members = [_named(name, environ) for name in names]
    return members[0] if len(members) == 1 else Ensemble(members)


def _default(environ: Mapping[str, str]) -> Proposer:
    from score_nb.propose.openai_api import endpoint_from

    endpoint = endpoint_from(environ)
    if endpoint.is_configured:
        raise ModelUnavailable(
            f"no model named for {endpoint.host}: say --model NAME or set SCORE_NB_MODEL "
            "(--model offline needs no server)"
        )
    return OfflineProposer()


def _named(name: str, environ: Mapping[str, str]) -> Proposer:
    if name.lower() == OFFLINE:
        return OfflineProposer()
    if name.lower().startswith(_REPLAY):
        return _replay(name[len(_REPLAY) :].strip())
    return _model(name, environ)


def _replay(file: str) -> Proposer:
    from score_nb.propose.replay import ReplayProposer

    if not file:
        raise BadOption("--model replay: needs the path of a recording, as in replay:run.jsonl")
    return ReplayProposer(Path(file).expanduser())


def _model(name: str, environ: Mapping[str, str]) -> Proposer:
    from score_nb.propose.openai_api import OpenAIProposer, endpoint_from

    endpoint = endpoint_from(environ)
    if not endpoint.is_configured:
        raise ModelUnavailable(
            "no API key: set OPENAI_API_KEY, point OPENAI_BASE_URL at a local server, or choose --model offline."
            + did_you_mean(name, [OFFLINE, "replay:FILE"])
        )
    home = Path(environ["SCORE_NB_HOME"]).expanduser() if environ.get("SCORE_NB_HOME") else None
    return OpenAIProposer(
        name,
        endpoint=endpoint,
        environ=environ,
        prices=_if_there(home, "prices.json"),
        templates=_if_there(home, "prompts"),
    )


def _if_there(home: Path | None, name: str) -> Path | None:
    path = home / name if home else None
    return path if path is not None and path.exists() else None
