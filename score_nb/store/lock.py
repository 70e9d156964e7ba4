"""One writer per run: a lock file that names its holder, with a heartbeat, which a dead process cannot hold for ever.

No `flock`: network file systems lie about it.  Checklist: the issues of Optuna's journal storage.
"""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from score_nb.errors import StoreBroken, StoreBusy
from score_nb.store.processes import boot_id, lives, pid_space, started

BEAT_S = 5.0
GRACE_S = 60.0
TRIES = 20
# Rivals that met step back for a moment, each for another one.
STEP_BACK_S = 0.02
# A lock of no readable content is being written at this moment, or its writer died over it.
UNREADABLE_S = 1.0
# Longer chains of successors do not happen: each holder shortens the one it finds.
MOST_LINKS = 64


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock; process numbers mean something within one boot and one process space only."""

    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    host: str = field(default_factory=socket.gethostname)
    boot: str = field(default_factory=boot_id)
    space: str = field(default_factory=pid_space)
    pid: int = field(default_factory=os.getpid)
    started: str = ""

    @property
    def is_near(self) -> bool:
        """Whether this process could see the holder's process."""
        return (self.host, self.boot, self.space) == (socket.gethostname(), boot_id(), pid_space())


class Lock:
    """A lock file; `acquire` takes over what a dead holder left.

    Nobody takes a lock away.  A holder has at most one successor, named in a file of its own, `lock.<its token>.next`,
    which can be made once only; whoever stands at the end of that chain holds the lock, and then puts itself at its
    beginning.  Of any number of rivals that see the same dead holder exactly one becomes its successor.
    """

    def __init__(self, path: Path, holder: Holder | None = None) -> None:
        self.path = path
        self.holder = holder or Holder(started=started(os.getpid()))
        self._given_up = threading.Event()

    def acquire(self) -> None:
        """Take the lock and keep its heartbeat until `release`.

        Raises
        ------
        StoreBusy
            A live process holds it, or one on another machine that was seen within the last minute.
        OSError
            The folder cannot be written.
        """
        for _ in range(TRIES):
            chain = _chain(self.path)
            last = chain[-1] if chain else None
            if last is not None and last.found is not None and is_alive(last.found, self.path):
                raise StoreBusy(
                    f"this run is being written by process {last.found.holder.pid} on {last.found.holder.host}: "
                    "watch it with score_nb.open_run, stop it there, or give this one another --name (or --fresh)"
                )
            place = last.successor if last else self.path
            if _create(place, self.holder):
                # The chain may have been shortened since it was read, and then this place leads nowhere.
                chain = _chain(self.path, patient=False)
                if self._ends(chain):
                    self._shorten(chain)
                    self._given_up.clear()
                    threading.Thread(target=self._keep_beating, name="score-nb heartbeat", daemon=True).start()
                    return
                place.unlink(missing_ok=True)
            time.sleep(STEP_BACK_S * random.random())
        raise StoreBusy(f"could not take {self.path}: another process is taking it at the same moment; try again")

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises
        ------
        StoreBroken
            Another process has taken the run over (this one was frozen too long).
        """
        if not self._ends(_chain(self.path)):
            raise StoreBroken("another process has taken this run over: run the cell again to watch or continue it")

    def release(self) -> None:
        """Remove the file if it is ours."""
        self._given_up.set()
        chain = _chain(self.path)
        if not self._ends(chain):
            return
        # With a successor of our own nobody else can become one while the files go.
        last = replace(self.holder, token=uuid.uuid4().hex)
        if _create(chain[-1].successor, last):
            for link in chain:
                link.file.unlink(missing_ok=True)
            chain[-1].successor.unlink(missing_ok=True)

    def _keep_beating(self) -> None:
        # A thread of its own: starting the evaluator may keep the loop longer than others wait.
        while not self._given_up.wait(BEAT_S):
            chain = _chain(self.path)
            if chain and not self._ends(chain):
                return
            with suppress(OSError):
                os.utime(chain[-1].file if chain else self.path)

    def _ends(self, chain: list[Link]) -> bool:
        found = chain[-1].found if chain else None
        return found is not None and found.holder.token == self.holder.token

    def _shorten(self, chain: list[Link]) -> None:
        """Put the holder at the beginning of its chain; one that stays long is as good, so failing does no harm."""
        if len(chain) == 1:
            return
        draft = self.path.with_name(f"lock.{self.holder.token}")
        try:
            draft.write_text(json.dumps(asdict(self.holder)), encoding="utf-8")
            os.replace(draft, self.path)
        except OSError:
            draft.unlink(missing_ok=True)
            return
        for link in chain[1:]:
            link.file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A lock as it was read: its holder and its last heartbeat by the clock of the file system."""

    holder: Holder
    beaten: float


@dataclass(frozen=True, slots=True)
class Link:
    """One file of a chain: who it names (None where nobody can read it), and where its successor is named."""

    file: Path
    found: Found | None
    successor: Path


def read_lock(path: Path) -> Found | None:
    """Return who holds the lock, None where nobody does or nobody can read who."""
    chain = _chain(path, patient=False)
    return chain[-1].found if chain else None


def is_alive(found: Found, path: Path) -> bool:
    """Return whether the holder still lives: by its process where it can be seen, else by its heartbeat."""
    if found.holder.is_near:
        return lives(found.holder.pid, found.holder.started)
    return _now(path) - found.beaten < GRACE_S


def is_held(folder: Path) -> bool:
    """Return whether a live process writes the run in `folder`."""
    found = read_lock(folder / "lock")
    return found is not None and is_alive(found, folder / "lock")


def _chain(path: Path, patient: bool = True) -> list[Link]:
    """Return the lock's holders so far, the present one last; patiently, if one is being written at this moment."""
    chain: list[Link] = []
    file = path
    while len(chain) < MOST_LINKS:
        found = _settled(file) if patient else _read(file)
        if found is None and not _is_there(file):
            break
        token = found.holder.token if found else ""
        # A token that is no token names no file of ours.
        name = token if token.isalnum() else f"unreadable-{len(chain)}"
        chain.append(Link(file, found, path.with_name(f"lock.{name}.next")))
        file = chain[-1].successor
    return chain


def _settled(file: Path) -> Found | None:
    """Return what a file of the lock says, once it says something; None where it has gone or never will."""
    until = time.monotonic() + UNREADABLE_S
    while (found := _read(file)) is None and _is_there(file) and time.monotonic() < until:
        time.sleep(0.01)
    return found


def _is_there(file: Path) -> bool:
    """Return whether there is such a file; False too where nobody may look."""
    try:
        return file.exists()
    except OSError:
        return False


def _read(path: Path) -> Found | None:
    try:
        # Of an opened file even network file systems tell the time as it is on the server.
        with open(path, encoding="utf-8") as file:
            values, beaten = json.load(file), os.fstat(file.fileno()).st_mtime
        texts = {name: str(values.get(name, "")) for name in ("token", "host", "boot", "space", "started")}
        return Found(Holder(**texts, pid=int(values.get("pid", 0))), beaten)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _create(file: Path, holder: Holder) -> bool:
    """Make a file that names the holder, unless there is one; return whether it is there and ours."""
    # Written aside and linked: nobody ever reads a lock without its holder.
    text = json.dumps(asdict(holder))
    draft = file.with_name(f"lock.{holder.token}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.link(draft, file)
    except FileExistsError:
        return _names(file, holder)
    except (OSError, NotImplementedError, AttributeError):
        if not draft.exists() or draft.stat().st_size < len(text):
            raise
        # A link whose answer was lost on the network was made all the same.
        return _names(file, holder) or _create_plainly(file, text)
    finally:
        with suppress(OSError):
            draft.unlink()
    return True


def _create_plainly(path: Path, text: str) -> bool:
    """The same where the file system knows no hard links."""
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    return True


def _names(file: Path, holder: Holder) -> bool:
    found = _read(file)
    return found is not None and found.holder.token == holder.token


def _now(path: Path) -> float:
    """Return the time by the clock that stamps the lock: machines that share a folder disagree on the time."""
    draft = path.with_name(f"lock.{uuid.uuid4().hex}.now")
    try:
        draft.touch()
        return draft.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with suppress(OSError):
            draft.unlink()
