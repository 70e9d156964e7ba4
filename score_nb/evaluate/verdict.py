"""From what was found to an `Evaluation`: the status, one line in the user's words, the log without secrets."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from score_nb.evaluate.watch import Findings
from score_nb.types import NO_CONTRACT, SIGNALS, Evaluation, Flag, Status

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
    status, detail, log, report = _decide(found, limits)
    text = found.log if not log else f"{found.log.rstrip()}\n{log}".lstrip("\n")
    values = _pairs(report.get("values"))
    return Evaluation(
        status=status,
        value=values[0][1] if values else None,
        metrics=dict(values[1:]),
        flags=tuple(_flags(report.get("flags"), secrets)),
        contract=_contract(report.get("contract"), secrets),
        probes=dict(_pairs(report.get("probes"))),
        detail=_clean(detail, secrets),
        log=_clean(text, secrets),
        seconds=found.seconds,
        cpu_seconds=found.cpu_s,
        peak_mib=found.peak_mib,
    )


_Decision = tuple[Status, str, str, Mapping[str, Any]]
_NOTHING: Mapping[str, Any] = {}


def _decide(found: Findings, limits: Limits) -> _Decision:
    """Return what counts; where the value was known before the probes, nothing that came of them takes it away."""
    known = [report for report in found.scorer if report["kind"] == "value"]
    if known and not any(report["kind"] == "score" for report in found.scorer):
        return _scored(known[0])
    return _weighed(found, limits)


def _weighed(found: Findings, limits: Limits) -> _Decision:
    """Return what counts: first what the kernel saw, then the candidate's own failure and end, then the metric."""
    if found.cause:
        return (*_stopped(found, limits), "", _NOTHING)
    failures = [report for report in found.candidate if report["kind"] in _FAILURES]
    if failures:
        return (*_told(failures[0]), _NOTHING)
    if found.status is not None:
        return (*_ended(found.status), "", _NOTHING)
    verdicts = [report for report in found.scorer if report["kind"] == "score" or report["kind"] in _FAILURES]
    if verdicts:
        return _scored(verdicts[0]) if verdicts[0]["kind"] == "score" else (*_told(verdicts[0]), _NOTHING)
    if found.scorer_status is not None:
        return "invalid", f"metric ended without a result: {_ended(found.scorer_status)[1]}", "", _NOTHING
    return "crashed", "ended without a result", "", _NOTHING


def _stopped(found: Findings, limits: Limits) -> tuple[Status, str]:
    if found.cause == "timeout":
        return "timeout", f"stopped after {limits.timeout_s:.1f} s"
    if found.cause == "memory":
        return "memory", f"needed more than {limits.memory_mib:,} MiB"
    if found.cause == "metric memory":
        return "memory", f"metric needed more than {limits.memory_mib:,} MiB"
    return "forbidden", found.excess


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
    if _pairs(report.get("values")):
        return "ok", "", "", report
    return "invalid", "the metric returned no finite number", "", _NOTHING


def _pairs(pairs: object) -> list[tuple[str, float]]:
    """Return named numbers as they came; none at all where one of them is no exact finite float."""
    if not isinstance(pairs, list):
        return []
    values = [(name, value) for name, value in pairs if type(name) is str and type(value) is float]
    return values if len(values) == len(pairs) and all(math.isfinite(value) for _, value in values) else []


def _flags(flags: object, secrets: Iterable[str]) -> Iterator[Flag]:
    for kind, detail in flags if isinstance(flags, list) else ():
        if kind in SIGNALS:
            yield Flag(kind, _clean(str(detail)[:500], secrets))


def _contract(contract: object, secrets: Iterable[str]) -> Mapping[str, Any]:
    if not isinstance(contract, dict) or not contract:
        return NO_CONTRACT
    found: dict[str, Any] = json.loads(_clean(json.dumps(contract), secrets))
    return found


def redacted(found: Evaluation, secrets: Iterable[str]) -> Evaluation:
    """Return an evaluation that was judged elsewhere without `secrets` in its texts."""
    return replace(
        found,
        flags=tuple(replace(flag, detail=_clean(flag.detail, secrets)) for flag in found.flags),
        contract=_contract(found.contract, secrets),
        detail=_clean(found.detail, secrets),
        log=_clean(found.log, secrets),
    )


def _clean(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
