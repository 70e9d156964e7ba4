"""What confinement holds on this machine, without a notebook: for `score-nb doctor`."""

from __future__ import annotations

import os
import sys
import tempfile

from score_nb.evaluate.base import Confinement

_LAYERS = ("no_new_privs", "landlock", "seccomp", "rlimits")


def probe() -> Confinement:
    """Return what holds here, found by trying to break out of a confined process.

    A fresh process does it, so that nothing of the caller (threads, open files) plays a part.
    """
    if sys.platform != "linux":
        reason = "this version runs candidates on Linux only (WSL2, Binder or Docker elsewhere)"
        return Confinement("none", dict.fromkeys(_LAYERS, reason))
    from score_nb.errors import EvaluatorBroken
    from score_nb.evaluate.canary import confinement
    from score_nb.evaluate.grants import Grants
    from score_nb.evaluate.host import Host

    host = None
    try:
        host = Host(os.path.abspath(tempfile.gettempdir()), ())
        zygote, layers = host.zygote([], Grants(), frozenset(), "candidates")
        zygote.close()
    except EvaluatorBroken as error:
        return Confinement("none", dict.fromkeys(_LAYERS, str(error)))
    finally:
        if host is not None:
            host.close()
    return confinement(layers)
