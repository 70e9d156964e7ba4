"""Which hostile programs would succeed with a layer of confinement missing?

    python benchmarks/layers.py [--write]

Runs every program of `tests/hostile` that is harmless enough in a plain process, with all layers but one put on, and
prints the table of `docs/security.md`; `--write` puts it there.  Ends with 1 if any succeeds with all layers on.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from score_nb.evaluate.confine import landlock_abi
from tests.hostile.layers import Layers, outcomes
from tests.hostile.programs import PROGRAMS

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "security.md"
BEGIN, END = "<!-- benchmarks/layers.py -->", "<!-- end -->"
FAMILIES = {
    "files": "files: write, remove, link, read, reveal", "keys": "keys: ssh, cloud, kernel, environment",
    "later": "what runs later: shell, git, start-up files", "inputs": "the data that may be read",
    "network": "network", "processes": "processes and signals", "snooping": "memory and descriptors of others",
    "answers": "what only the metric reads", "outliving": "what outlives a process", "limits": "limits",
    "rights": "rights",
}  # fmt: skip
VARIANTS = {
    "none": Layers(),
    "no Landlock": Layers.all(landlock=0),
    "Linux before 5.13": Layers.all(landlock=0, files_by_seccomp=True),
    "Landlock 1 (5.13)": Layers.all(landlock=1),
    "no seccomp": Layers.all(seccomp=False),
    "no limits": Layers.all(limits=False),
    "files left open": Layers.all(descriptors=False),
    "environment kept": Layers.all(environment=False),
    "metric in the same process": Layers.all(separation=False),
    "root's rights kept": Layers.all(capabilities=False),
    "all layers": Layers.all(),
}


def table(found: Mapping[str, Mapping[str, str]]) -> str:
    """Return the Markdown: how many of each family succeed under each variant, and which where it is one layer."""
    tried = {name: [p.name for p in PROGRAMS if p.group == name and p.bare] for name in FAMILIES}
    user = "root" if os.getuid() == 0 else "an ordinary user"
    lines = [
        f"How many succeed (Linux {platform.release().split('-')[0]}, Landlock {landlock_abi()}, as {user}):",
        "",
        "| what is tried | programs | " + " | ".join(found) + " |",
        "|---" * (len(found) + 2) + "|",
    ]
    for family, words in FAMILIES.items():
        counts = [sum(not outcome[name] for name in tried[family]) for outcome in found.values()]
        lines.append(f"| {words} | {len(tried[family])} | " + " | ".join(str(n) if n else "·" for n in counts) + " |")
    totals = [sum(not why for why in outcome.values()) for outcome in found.values()]
    lines.append(f"| **all** | {sum(map(len, tried.values()))} | " + " | ".join(f"**{n}**" for n in totals) + " |")
    lines += ["", "By name, where one layer is missing:", ""]
    for variant, outcome in found.items():
        if variant not in ("none", "all layers"):
            names = [name.replace("_", " ") for name, why in outcome.items() if not why]
            lines.append(f"- **{variant}**: {', '.join(names) or 'none, other layers refuse the same'}.")
    return "\n".join(lines)


def main() -> int:
    """Run all variants and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into docs/security.md")
    is_written = parser.parse_args().write
    found = {name: outcomes(layers) for name, layers in VARIANTS.items()}
    text = table(found)
    print(text)
    if is_written:
        document = DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = document.partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    succeeded = [name for name, why in found["all layers"].items() if not why]
    for name in succeeded:
        print(f"WRONG {name} succeeds with all layers on")
    return 1 if succeeded else 0


if __name__ == "__main__":
    sys.exit(main())
