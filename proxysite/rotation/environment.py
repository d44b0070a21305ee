"""Where ENCRYPTION_KEYS and SECRET_KEY are set: in DATA_DIR/secrets.env, which is rewritten, or in the environment or
.env, for which the lines are returned."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings

from proxysite.quickstart.secrets import FILE_NAME

NAMES = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS")
_LINE = re.compile(r"^(?:export )?([A-Z_]+)=(.*)$")


class Changed(Exception):
    """Somebody else has written the file since this process read it."""


def file() -> Path:
    """The path of the generated secrets."""
    return Path(settings.DATA_DIR) / FILE_NAME


def in_file() -> bool:
    """Whether the running settings have their keys from the file. A variable of the environment overrides it."""
    written = _written()
    return "SECRET_KEY" in written and all(written.get(name, "") == os.environ.get(name, "") for name in NAMES)


def overridden() -> list[str]:
    """The names that the file sets and something else overrides."""
    return [name for name, value in _written().items() if name in NAMES and os.environ.get(name, "") != value]


def lines(values: Mapping[str, str]) -> list[str]:
    """Returns the lines of an environment file."""
    return [f"{name}={values[name]}" for name in NAMES if name in values]


def write(values: Mapping[str, str]) -> None:
    """Replaces the file: an empty value removes its line, other lines stay. It is the old file or the new one, at any
    moment, and only its owner may read it. Raises Changed."""
    with _alone():
        if not in_file():
            raise Changed(f"{file()} was changed by another process, so it was left alone. Run the command again.")
        _replace(values)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Holds a lock on the folder, and writes its entries to the disk at the end."""
    folder = os.open(file().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(values: Mapping[str, str]) -> None:
    target = file()
    kept = [line for line in target.read_text(encoding="ascii").splitlines() if _name(line) not in values]
    content = "\n".join([*kept, *lines({name: value for name, value in values.items() if value}), ""])
    temporary = target.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _written() -> dict[str, str]:
    try:
        text = file().read_text(encoding="ascii")
    except FileNotFoundError:
        return {}
    return {match[1]: match[2] for line in text.splitlines() if (match := _LINE.match(line))}


def _name(line: str) -> str | None:
    match = _LINE.match(line)
    return match[1] if match else None
