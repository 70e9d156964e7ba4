"""From what was found to an `Evaluation`: the status, one line in the user's words, the log without secrets."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from score_nb.evaluate.watch import Findings
from score_nb.types import Evaluation, Status

_SIGKILL, _SIGXCPU = 9, 24  # the same on Linux and macOS; Windows has no names for them
_NT_ERROR = 0x80000000
_NT_ERRORS = {
    0xC0000005: "access violation", 0xC0000017: "no memory", 0xC000001D: "illegal instruction",
    0xC0000094: "integer division by zero", 0xC00000FD: "stack overflow", 0xC0000374: "heap corruption",
    0xC0000409: "abort",
}  # fmt: skip
_FAILURES: tuple[Status, ...] = ("error", "memory", "forbidden", "invalid")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one evaluation."""

    timeout_s: float
    memory_mib: int


def judge(found: Findings, limits: Limits, secrets: Iterable[str]) -> Evaluation:
    """Return the evaluation that the findings amount to."""
    status, detail, log, values = _decide(found, limits)
    text = found.log if not log else f"{found.log.rstrip()}\n{log}".lstrip("\n")
    return Evaluation(
        status=status,
        value=values[0][1] if values else None,
        metrics=dict(values[1:]),
        detail=_clean(detail, secrets),
        log=_clean(text, secrets),
        seconds=found.seconds,
        cpu_seconds=found.cpu_s,
        peak_mib=found.peak_mib,
    )


_Decision = tuple[Status, str, str, list[tuple[str, float]]]


def _decide(found: Findings, limits: Limits) -> _Decision:
    """Return what counts: first what the kernel saw, then the candidate's own failure and end, then the metric."""
    if found.cause:
        return (*_stopped(found, limits), "", [])
    failures = [report for report in found.candidate if report["kind"] in _FAILURES]
    if failures:
        return (*_told(failures[0]), [])
    if found.status is not None:
        return (*_ended(found.status), "", [])
    verdicts = [report for report in found.scorer if report["kind"] == "score" or report["kind"] in _FAILURES]
    if verdicts:
        return _scored(verdicts[0]) if verdicts[0]["kind"] == "score" else (*_told(verdicts[0]), [])
    if found.scorer_status is not None:
        return "invalid", f"metric ended without a result: {_ended(found.scorer_status)[1]}", "", []
    return "crashed", "ended without a result", "", []


def _stopped(found: Findings, limits: Limits) -> tuple[Status, str]:
    if found.cause == "timeout":
        return "timeout", f"stopped after {limits.timeout_s:.1f} s"
    if found.cause == "memory":
        return "memory", f"needed more than {limits.memory_mib:,} MiB"
    if found.cause == "metric memory":
        return "memory", f"metric needed more than {limits.memory_mib:,} MiB"
    return "forbidden", "printed more than 256 MiB"


def _told(report: Mapping[str, Any]) -> tuple[Status, str, str]:
    """Return status, detail and log of a report; its texts come from the candidate and are cut."""
    status: Status = report["kind"]
    return status, str(report.get("detail", ""))[:500], str(report.get("log", ""))[:50_000]


def _ended(code: int) -> tuple[Status, str]:
    """Return status and detail of an end that the candidate took by itself; `code` as `subprocess` gives it."""
    if code >= _NT_ERROR:
        return "crashed", f"killed by Windows ({_NT_ERRORS.get(code, f'{code:#x}')})"
    if code >= 0:
        return "crashed", f"left with exit code {code} (os._exit)"
    if -code == _SIGKILL:
        return "memory", "killed by the system, most likely for want of memory"
    if -code == _SIGXCPU:
        return "timeout", "used up its CPU time"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return "crashed", f"killed by {name}"


def _scored(report: Mapping[str, Any]) -> _Decision:
    """Return the score, checked once more: nothing but exact finite floats passes into the search."""
    pairs = report.get("values")
    if isinstance(pairs, list) and pairs:
        values = [(name, value) for name, value in pairs if type(name) is str and type(value) is float]
        if len(values) == len(pairs) and all(math.isfinite(value) for _, value in values):
            return "ok", "", "", values
    return "invalid", "the metric returned no finite number", "", []


def _clean(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
