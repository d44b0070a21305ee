"""Generates the secrets of an installation once, into DATA_DIR/secrets.env (mode 0600).

Uses only the standard library: Django's settings read the file, so it must exist before Django starts.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from pathlib import Path

FILE_NAME = "secrets.env"


def encryption_key() -> str:
    """A new key for ENCRYPTION_KEYS: 32 random bytes in Fernet's encoding."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def ensure(folder: Path) -> bool:
    """Creates `folder` (mode 0700) and its secrets file if they are missing; returns True if the file is new.

    The file appears complete or not at all, and of two concurrent starts only one writes it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / FILE_NAME
    if target.exists():
        return False
    temporary = folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(_content())
            file.flush()
            os.fsync(file.fileno())
        return _publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _publish(temporary: Path, target: Path) -> bool:
    with contextlib.suppress(FileExistsError):
        try:
            os.link(temporary, target)
        except (PermissionError, NotImplementedError):
            # A file system without hard links: still atomic, but the last of two would win.
            os.replace(temporary, target)
        return True
    return False


def _content() -> str:
    return (
        "# Created by the first start. Anyone with this file can read the stored credentials: keep it private, and\n"
        "# back it up with the database, whose credentials cannot be read without it.\n"
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"ENCRYPTION_KEYS={encryption_key()}\n"
    )
