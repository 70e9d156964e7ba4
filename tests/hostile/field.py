"""What there is to attack: files, keys, sockets and processes such as lie beside a notebook."""

from __future__ import annotations

import os
import platform
import socket
import stat
from pathlib import Path

from score_nb.evaluate import seccomp

# Backwards: programs search their own memory for it.
KEY_REVERSED = "9876543210-yek-tset-elitsoh-ks"
HIDDEN_REVERSED = "8281828172-setadidnac-ot-nwohs-reven"
VARIABLE = "HOSTILE_TEST_KEY"
_HOME = {
    ".ssh/id_ed25519": "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    ".ssh/authorized_keys": "ssh-ed25519 AAAA\n",
    ".aws/credentials": "[default]\n",
    ".netrc": "machine example.org\n",
    ".bashrc": "# shell\n",
    ".gitconfig": "[user]\n",
    ".jupyter/jupyter_lab_config.py": "c = get_config()\n",
    ".ipython/profile_default/startup/README": "",
    ".config/autostart/README": "",
    ".local/share/jupyter/runtime/kernel-1.json": '{"key": "hmac"}',
    "project/.git/hooks/README": "",
    "project/.score_nb/run/journal.jsonl": "[0]\n",
    "project/secret.csv": "1,2\n",
    "project/other.ipynb": "{}",
}
_Entry = tuple[bytes, int, int, int]


class Field:
    """Precious things under `root`; candidates are given `target`, where to find them."""

    def __init__(self, root: Path, kernel: int) -> None:
        self.root = root
        self.file = root / "precious.txt"
        self.granted = root / "granted.csv"
        for name, text in {"precious.txt": "precious", "granted.csv": "1,2,3\n", **self._at_home()}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o600)
        (root / "link").symlink_to(self.file)
        self._sockets = [socket.create_server(("127.0.0.1", 0)), socket.socket(type=socket.SOCK_DGRAM)]
        self._sockets[1].bind(("127.0.0.1", 0))
        for kind, name in ((socket.SOCK_STREAM, "s"), (socket.SOCK_DGRAM, "d")):
            unix = socket.socket(socket.AF_UNIX, kind)
            unix.bind(str(root / name))
            self._sockets.append(unix)
        self._sockets[2].listen()
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(b"\0" + str(root).encode()[-90:])
        abstract.listen()
        self._sockets.append(abstract)
        self.target = {
            "file": str(self.file), "folder": str(root), "granted": str(self.granted), "home": str(root / "home"),
            "own_home": str(Path.home()), "kernel": kernel, "port": self._sockets[0].getsockname()[1],
            "udp": self._sockets[1].getsockname()[1], "unix": str(root / "s"), "datagram": str(root / "d"),
            "abstract": abstract.getsockname(), "variable": VARIABLE, "key_reversed": KEY_REVERSED,
            "hidden_reversed": HIDDEN_REVERSED, "numbers": numbers(),
        }  # fmt: skip
        self._before = self._state()

    @staticmethod
    def _at_home() -> dict[str, str]:
        return {f"home/{name}": text for name, text in _HOME.items()}

    def _state(self) -> dict[str, _Entry]:
        found = {}
        for folder, folders, files in os.walk(self.root):
            for name in (".", *folders, *files):
                path = os.path.join(folder, name)
                seen = os.lstat(path)
                text = Path(path).read_bytes() if stat.S_ISREG(seen.st_mode) else b""
                found[path] = (text, seen.st_mode, seen.st_mtime_ns, seen.st_nlink)
        return found

    def harm(self) -> list[str]:
        """Return the files and folders that were changed, added or removed."""
        now = self._state()
        return sorted(path for path in {*now, *self._before} if now.get(path) != self._before.get(path))

    def close(self) -> None:
        """Close the sockets."""
        for part in self._sockets:
            part.close()


def numbers() -> dict[str, int]:
    """Return the system calls of this processor by name, as far as the filter knows them."""
    column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
    more: dict[str, tuple[int | None, int | None]] = {"exit": (60, 93), "getpid": (39, 172)}
    tables = [
        more, seccomp._PROCESSES, seccomp._NETWORK, seccomp._KERNEL, seccomp._OUTLIVING, seccomp._MISSING,
        seccomp._UNSUPPORTED, seccomp._PRETENDED, seccomp._TREE, seccomp._CHECKED,
    ]  # fmt: skip
    pairs = [(name, pair[column]) for table in tables for name, pair in table.items()]
    return {name: number for name, number in pairs if number is not None}
