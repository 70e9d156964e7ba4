"""Keys and tokens taken out of text before it leaves for a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HIDDEN = "[redacted]"
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPE = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|hf_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}"
    r"|AIza[0-9A-Za-z_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,})"
)
_SHORTEST = 8


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables whose names speak of keys, tokens or passwords, longest first.

    Values below 8 characters and paths of files are left out: taking them out of a text would only maim it.
    """
    found = {
        value
        for name, value in environ.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST and not value.startswith(("/", "~", "./"))
    }
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with `secrets`, and all that has the shape of a well-known key, replaced by "[redacted]".

    Secrets below 8 characters stay: the keys that local servers take ("none", "ollama") are words of the text as well.
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    return _SECRET_SHAPE.sub(HIDDEN, text)
