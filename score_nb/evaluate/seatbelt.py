"""Confinement of the calling process on macOS: Seatbelt, by `sandbox_init_with_parameters` of libSystem.

Apple calls the interface deprecated and offers no other to programs that are no bundled apps; browsers and build tools
rest on it.  A profile names operations and paths; parameters keep paths out of its text.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from score_nb.evaluate.grants import Grants

SYSTEM = Grants(
    trees=(
        "/System", "/usr/lib", "/usr/share", "/usr/bin", "/bin", "/Library/Apple", "/Library/Frameworks",
        "/Library/Fonts", "/private/etc/ssl", "/private/var/db/timezone", "/private/var/db/dyld", "/usr/local/lib",
        "/usr/local/share", "/usr/local/opt", "/usr/local/Cellar", "/opt/homebrew/lib", "/opt/homebrew/share",
        "/opt/homebrew/opt", "/opt/homebrew/Cellar", "/opt/homebrew/Frameworks", "/opt/local/lib",
        "/opt/local/Library/Frameworks", "/nix/store",
    ),
    files=(
        "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/private/etc/localtime", "/private/etc/passwd",
        "/private/etc/group", "/private/etc/services",
    ),
    listed=("/",),
)  # fmt: skip

# What `(deny default)` leaves out is denied by name.  Threads of OpenMP announce themselves in shared memory.
_RULES = """\
(version 1)
(deny default)
(deny process-info*)
(allow process-info-pidinfo process-info-setcontrol (target self))
(allow signal (target self))
(allow sysctl-read)
(allow file-read-metadata)
(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))
(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow ipc-posix-shm-read* (ipc-posix-name "apple.shm.notification_center"))
(allow ipc-posix-shm* (ipc-posix-name-regex #"^/__KMP_REGISTERED_LIB_[0-9_]+$"))
(allow file-read* file-write* (subpath (param "OWN")))
"""


def profile(grants: Grants, own: str) -> tuple[str, Mapping[str, str]]:
    """Return a profile that reads `grants` and the system, and writes to the folder `own` alone; and its parameters.

    Nothing of network, fork or exec is allowed.  Paths must be real ones: Seatbelt compares them as they are.
    """
    parameters = {"OWN": own}
    lines = []
    for kind, paths in (
        ("subpath", SYSTEM.trees + grants.trees),
        ("literal", SYSTEM.files + SYSTEM.listed + grants.files + grants.listed),
    ):
        for path in dict.fromkeys(paths):
            name = f"READ{len(parameters)}"
            parameters[name] = path
            lines.append(f'(allow file-read* ({kind} (param "{name}")))\n')
    return _RULES + "".join(lines), parameters


def enforce(grants: Grants, own: str) -> str:
    """Confine the calling process for good; return "" or why it does not hold."""
    text, parameters = profile(grants, own)
    flat = [part.encode() for pair in parameters.items() for part in pair]
    array = (ctypes.c_char_p * (len(flat) + 1))(*flat, None)
    said = ctypes.c_char_p()
    try:
        library = ctypes.CDLL("/usr/lib/libSystem.B.dylib")
        init = library.sandbox_init_with_parameters
    except (OSError, AttributeError) as error:
        return f"this system has no Seatbelt ({error})"
    init.argtypes = [ctypes.c_char_p, ctypes.c_uint64, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_char_p)]
    init.restype = ctypes.c_int
    if init(text.encode(), 0, array, ctypes.byref(said)) == 0:
        return ""
    reason = (said.value or b"no reason given").decode("utf-8", "replace").strip()
    return f"Seatbelt cannot be switched on: {reason}"
