"""On older systems another layer refuses what one no longer does; where none does, the level says so."""

from __future__ import annotations

import sys

import pytest

from score_nb.evaluate import confine
from score_nb.evaluate.canary import confinement
from tests.hostile.layers import Layers, outcomes

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="these programs attack Linux"),
    pytest.mark.skipif(sys.platform == "linux" and not confine.landlock_abi(), reason="this kernel has no Landlock"),
]
NEWEST = confine.landlock_abi() if sys.platform == "linux" else 0
NETWORK = {"tcp", "tcp_bind", "udp", "unix_path", "abstract_connect", "netlink"}
FILES = {"truncate_input", "cut_input_on_opening", "cut_input_on_opening_oddly", "hard_link_to_input", "truncate"}
SIGNALS = {"signal_kernel", "signal_zygote"}
OTHER = {"write_beside", "remove", "rename_over", "read_secret", "reopen_input_to_write", "fork", "one_huge_file"}


def won(layers: Layers, names: set[str]) -> set[str]:
    """Return the programs that succeed under `layers`."""
    found = outcomes(layers, names)
    assert set(found) == names
    return {name for name, why in found.items() if not why}


@pytest.mark.parametrize("version", [1, 3, 4])
def test_nothing_succeeds_with_an_older_landlock(version: int) -> None:
    if version > NEWEST:
        pytest.skip(f"this kernel has version {NEWEST}")
    assert not won(Layers.all(landlock=version), NETWORK | FILES | SIGNALS | OTHER)


@pytest.mark.parametrize(
    ("version", "left_to_seccomp"),
    [
        # No word of truncating, of the network, of signals.
        (1, {"truncate_input", "cut_input_on_opening", "cut_input_on_opening_oddly", "truncate"} | NETWORK | SIGNALS),
        (3, NETWORK | SIGNALS),
        (4, NETWORK - {"tcp", "tcp_bind"} | SIGNALS),
    ],
)
def test_seccomp_refuses_what_an_older_landlock_lets_pass(version: int, left_to_seccomp: set[str]) -> None:
    if version > NEWEST:
        pytest.skip(f"this kernel has version {NEWEST}")
    alone = Layers.all(landlock=version, seccomp=False)
    assert won(alone, NETWORK | FILES | SIGNALS) == left_to_seccomp


def test_without_landlock_nothing_is_written_but_files_are_read() -> None:
    """As on Linux before 5.13."""
    old = Layers.all(landlock=0, files_by_seccomp=True)
    assert won(old, NETWORK | FILES | SIGNALS | OTHER) == {"read_secret"}
    assert confinement({"no_new_privs": "", "landlock": "none here", "seccomp": "", "rlimits": ""}).level == "partial"


def test_landlock_and_seccomp_missing_is_no_confinement() -> None:
    assert confinement({"landlock": "missing", "seccomp": "missing"}).level == "none"
    assert confinement({"no_new_privs": "", "landlock": "", "seccomp": "", "rlimits": ""}).level == "full"
