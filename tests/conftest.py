"""What holds for all tests."""

import os
import tempfile
from pathlib import Path

# Slots of their own: what else runs on this machine does not keep the tests waiting, nor they it.
os.environ["SCORE_NB_SLOTS"] = str(Path(tempfile.mkdtemp(prefix="score-nb-slots-")) / "slots")
