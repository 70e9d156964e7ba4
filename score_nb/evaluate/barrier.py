"""What confines a worker on each system, from inside: the strongest that needs no privileges; and its limits."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from score_nb.evaluate.grants import Grants

_MIB = 1024 * 1024


def enforce(grants: Grants, own: str) -> Mapping[str, str]:
    """Confine the calling process for good: it may read `grants` and write in the folder `own`.

    Return each means with "" or the reason why it does not hold; whether it serves is found out by `attempts`.
    """
    if sys.platform == "linux":
        from score_nb.evaluate import confine

        return confine.confine(confine.Ruleset([confine.SYSTEM, grants]), own)
    if sys.platform == "darwin":
        from score_nb.evaluate import seatbelt

        return {"seatbelt": seatbelt.enforce(grants, own)}
    if sys.platform == "win32":
        from score_nb.evaluate import windows

        return {"low integrity": windows.lower_integrity()}
    return {"sandbox": f"none is known for the system {sys.platform}"}


def limit_files(file_mib: int) -> None:
    """Limit size and number of files of the calling process, and let a crash leave no core."""
    if sys.platform != "win32":
        import resource

        for limit, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, file_mib * _MIB),
            (resource.RLIMIT_NOFILE, 1024),
        ):
            _lower(limit, value)


def limit_cpu(seconds: float) -> None:
    """Limit the processor time of the calling process, where that cannot be done from outside."""
    if sys.platform not in ("linux", "win32"):
        import resource

        _lower(resource.RLIMIT_CPU, int(seconds) + 1, slack=5)


def _lower(limit: int, value: int, slack: int = 0) -> None:
    if sys.platform != "win32":
        import resource

        now = resource.getrlimit(limit)[1]
        soft, hard = (new if now == resource.RLIM_INFINITY else min(new, now) for new in (value, value + slack))
        resource.setrlimit(limit, (soft, hard))
