"""A score that is printed on a line of its own, as notebooks in ERA's format tell it.  Standard library only: the
scorer's process imports this."""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from types import TracebackType

_NUMBER = r"[-+]?(?:(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?|nan)\b"
# As NumPy and PyTorch show a number: np.float64(0.5), tensor(0.5).
_WRAPPED = re.compile(r"\b(?:np\.|numpy\.)?(?:float|int)\d+\(|\btensor\(")


def score_in(text: str, label: str) -> float | None:
    """Return the number on the last line of `text` that begins with `label`, None where there is no such line.

    Blanks, case, marks around the label and what stands in brackets behind it do not matter.
    """
    words = r"[\s_]+".join(map(re.escape, label.replace("_", " ").split()))
    line = re.compile(rf"^\W*{words}[\s*_`]*(?:\([^)]*\)\s*)?(?:is\b)?[\s:=*_`]*(?P<number>{_NUMBER})", re.IGNORECASE)
    found = None
    for printed in text.splitlines():
        match = line.match(_WRAPPED.sub("", printed))
        if match:
            found = float(match["number"].replace("_", ""))
    return found


class PrintedScore:
    """Listens to what is printed inside a `with` block; `value` is the number behind `label`.

    Only what the block itself prints in this process counts: a candidate prints elsewhere.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._heard = _Tee()
        self._redirected = redirect_stdout(self._heard)

    def __enter__(self) -> PrintedScore:
        self._redirected.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._redirected.__exit__(kind, error, traceback)

    @property
    def value(self) -> float:
        """The number that was printed last.

        Raises
        ------
        ValueError
            No such line was printed.
        """
        found = score_in(self._heard.getvalue(), self.label)
        if found is None:
            raise ValueError(f"no line {self.label!r} with a number was printed")
        return found


class _Tee(io.StringIO):
    """Keeps what is written and hands it on, so that it stands in the log too."""

    def __init__(self) -> None:
        super().__init__()
        self._out = sys.stdout

    def write(self, text: str) -> int:
        self._out.write(text)
        return super().write(text)

    def flush(self) -> None:
        self._out.flush()
