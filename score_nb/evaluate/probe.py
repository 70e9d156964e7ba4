"""What confinement holds on this machine, without a notebook: for `score-nb doctor`."""

from __future__ import annotations

import os
import sys
import tempfile

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate import portable
from score_nb.evaluate.base import Confinement


def probe() -> Confinement:
    """Return what holds here, found by trying to break out of a confined process.

    A fresh process does it, so that nothing of the caller (threads, open files) plays a part.
    """
    said = ""
    for attempt in (_probe_forks, portable.probe) if sys.platform == "linux" else (portable.probe,):
        try:
            return attempt()
        except EvaluatorBroken as error:
            said = said or str(error)
    return Confinement("none", {"candidates": said})


def _probe_forks() -> Confinement:
    from score_nb.evaluate.canary import confinement
    from score_nb.evaluate.grants import Grants
    from score_nb.evaluate.host import Host

    host = Host(os.path.abspath(tempfile.gettempdir()), ())
    try:
        zygote, layers = host.zygote([], Grants(), frozenset(), "candidates")
        zygote.close()
    finally:
        host.close()
    return confinement(layers)
