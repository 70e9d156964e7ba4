"""Libraries that need a hand where no process may be started and little may be written."""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def serve_threads() -> None:
    """Let joblib and multiprocessing use threads, since candidates may start no processes."""
    keep_memory_private()
    after_import("multiprocessing.context", _serve_threads_of_contexts)
    after_import("multiprocessing.heap", _keep_arenas_in_scratch)
    after_import("joblib.parallel", _serve_threads_of_joblib)


def _serve_threads_of_contexts(module: Any) -> None:
    import threading

    threads: dict[str, Callable[..., Any]] = {
        "Lock": lambda self: threading.Lock(),
        "RLock": lambda self: threading.RLock(),
        "Condition": lambda self, lock=None: threading.Condition(lock),
        "Semaphore": lambda self, value=1: threading.Semaphore(value),
        "BoundedSemaphore": lambda self, value=1: threading.BoundedSemaphore(value),
        "Event": lambda self: threading.Event(),
        "Barrier": lambda self, *args, **kwargs: threading.Barrier(*args, **kwargs),
    }
    multiprocessing: Any = sys.modules["multiprocessing"]
    for name, made in threads.items():
        setattr(module.BaseContext, name, made)
        # `multiprocessing.Lock` is bound to the default context when the package is imported.
        if hasattr(multiprocessing, name):
            setattr(multiprocessing, name, functools.partial(made, None))


def _keep_arenas_in_scratch(module: Any) -> None:
    # Value and Array would lie in /dev/shm, which outlives a process; this leaves the scratch folder to them.
    module.Arena._dir_candidates = []


def _serve_threads_of_joblib(module: Any) -> None:
    for name in ("loky", "multiprocessing"):
        module.register_parallel_backend(name, module.ThreadingBackend)


def find_plugins() -> None:
    """Let narwhals, which scikit-learn asks about each array, look for its plug-ins here instead of in each process.

    It reads the metadata of every installed package once per process: 15 ms or more in the candidate, and again in the
    scorer.
    """
    narwhals: Any = sys.modules.get("narwhals")
    if narwhals is not None:
        # A plug-in may raise anything; who needs it will hear so.
        with contextlib.suppress(Exception):
            narwhals.from_native(object(), pass_through=True)


def keep_memory_private() -> None:
    """Let `mmap.mmap(-1, n)` be memory of this process alone: candidates may have no other, and it can be counted."""
    import mmap

    if not hasattr(mmap, "MAP_PRIVATE") or mmap.mmap.__module__ != "mmap":
        return
    read, write = mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE
    protections = {mmap.ACCESS_READ: read, mmap.ACCESS_WRITE: write, mmap.ACCESS_COPY: write}

    class PrivateMap(mmap.mmap):
        __slots__ = ()

        def __new__(
            cls,
            fileno: int,
            length: int,
            flags: int = mmap.MAP_SHARED,
            prot: int = write,
            access: int = mmap.ACCESS_DEFAULT,
            **more: Any,
        ) -> PrivateMap:
            if fileno != -1:
                made: PrivateMap = super().__new__(cls, fileno, length, flags, prot, access, **more)
                return made
            flags = flags & ~mmap.MAP_SHARED | mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
            made = super().__new__(cls, fileno, length, flags, protections.get(access, prot), **more)
            return made

    PrivateMap.__name__ = PrivateMap.__qualname__ = "mmap"
    module: Any = mmap
    module.mmap = PrivateMap


class _Late(importlib.abc.MetaPathFinder):
    """Waits for the import of one module, which a candidate may be the first to do."""

    def __init__(self, name: str, then: Callable[[Any], object]) -> None:
        self._name = name
        self._then = then

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec that the other finders give, its loader extended; None for all other modules."""
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                self._then(module)

            loader.exec_module = exec_module
        return spec


def after_import(name: str, then: Callable[[Any], object]) -> None:
    """Call `then` with a module: now if it is imported, else as soon as it is."""
    module = sys.modules.get(name)
    if module is None:
        sys.meta_path.insert(0, _Late(name, then))
    else:
        then(module)


def read_compiled_code() -> None:
    """Let numba read what the kernel compiled into its caches, and live with not being able to write there."""
    after_import("numba.core.dispatcher", _read_compiled_code)


def _read_compiled_code(dispatching: Any) -> None:
    caching: Any = sys.modules["numba.core.caching"]
    save, ensure = caching.Cache.save_overload, caching._CacheLocator.ensure_cache_path

    def save_where_possible(cache: Any, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            save(cache, sig, data)

    def accept_read_only(locator: Any) -> None:
        with contextlib.suppress(OSError):
            ensure(locator)
            return
        if not os.path.isdir(locator.get_cache_path()):
            raise OSError(locator.get_cache_path())

    def cache_where_possible(dispatcher: Any) -> None:
        # A cell of this process has no file that numba would keep a cache for; IPython's cells have.
        with contextlib.suppress(RuntimeError):
            enable(dispatcher)

    caching.Cache.save_overload = save_where_possible
    caching._CacheLocator.ensure_cache_path = accept_read_only
    enable = dispatching.Dispatcher.enable_caching
    dispatching.Dispatcher.enable_caching = cache_where_possible
