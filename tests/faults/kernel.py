"""A kernel with one run, for others to kill: `python -m tests.faults.kernel FOLDER NODES SEED`.

Its proposer says the same of each ticket whatever happened before, and notes every call that it answers.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from score_nb.config import Options
from score_nb.evaluate.local import LocalEvaluator
from score_nb.propose.base import Request
from score_nb.run.start import Launch, start_run
from score_nb.types import Proposal, Task
from tests.evaluate.support import SUM, setup

SLOW = "import time\ntime.sleep(0.04)\n"
SEED = "x = 0.0"


def cell_of(ticket: int) -> str:
    """Return the cell that ticket asks for; every sixth is bad."""
    return SLOW + (f"x = {ticket} / 0" if ticket % 6 == 4 else f"x = {ticket}.0")


class Notary:
    """Answers after a moment and writes each ticket that it answers to a file, at once."""

    name, notice, is_instant, is_untrusted = "notary", "", False, False

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def propose(self, request: Request) -> Proposal:
        """Return the ticket's cell."""
        time.sleep(0.01 + request.ticket % 3 * 0.01)
        os.write(self._file, f"{request.ticket}\n".encode())
        return Proposal(
            cell_of(request.ticket), self.name, "noted", prompt="prompt", reply="reply", tokens_in=10, tokens_out=5,
            cost=0.01,
        )  # fmt: skip

    def close(self) -> None:
        """Nothing to close: calls may still be at work."""


def main(folder: Path, nodes: int, seed: int | None) -> None:
    """Run, or go on with, the one run in `folder`."""
    options = Options(nodes=nodes, workers=2, proposals=2, seed=seed)
    run = start_run(
        Launch(
            name="faults", task=Task(SEED, "metric", SUM, ("x",), ("x",)), options=options, root=folder / "store",
            evaluator=lambda: LocalEvaluator(setup(SUM, seed=SEED, workers=2, timeout=20.0)),
            proposer=lambda: Notary(folder / "calls"),
        )
    )  # fmt: skip
    print("started", flush=True)  # noqa: T201
    run.wait()
    print(run.state, run.reason, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
