"""The secrets of an installation, generated once into DATA_DIR/secrets.env (0600) and never touched again.

Standard library only: Django's settings read the file, so it must be there before Django is.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from pathlib import Path

FILE_NAME = "secrets.env"


def encryption_key() -> str:
    """A new key for ENCRYPTION_KEYS: 32 random bytes as Fernet wants them."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii")


def ensure(folder: Path) -> bool:
    """Make `folder` (0700) and its secrets file if they are missing; True if the file is new.

    The file appears whole or not at all, and of two that start at once only one writes it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / FILE_NAME
    if target.exists():
        return False
    draft = folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(_content())
            file.flush()
            os.fsync(file.fileno())
        return _publish(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, target: Path) -> bool:
    with contextlib.suppress(FileExistsError):
        try:
            os.link(draft, target)
        except (PermissionError, NotImplementedError):
            # A file system without hard links: still atomic, but the last of two would win.
            os.replace(draft, target)
        return True
    return False


def _content() -> str:
    return (
        "# Made by the first start. Whoever has this file can read the stored credentials: keep it private, and keep\n"
        "# it with the database, which is of little use without it.\n"
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"ENCRYPTION_KEYS={encryption_key()}\n"
    )
