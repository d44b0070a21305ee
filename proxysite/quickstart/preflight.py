"""What a first start needs of the machine, found out before anything is written. Uses only the standard library."""

from __future__ import annotations

import difflib
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"
_HIGHEST = 65534


_DOCUMENTED = re.compile(r"^# ([A-Z][A-Z0-9_]*)=", re.MULTILINE)
_SET = re.compile(r"^(?:export )?([A-Za-z_0-9]+)=", re.MULTILINE)


class CannotStart(Exception):
    """The gateway cannot start here; the text says what to change."""


def check_port(text: str, *, demo: bool) -> int:
    """Returns the port in the text, if it is free, and for the `demo` upstream the one after it. Raises CannotStart."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _HIGHEST:
        raise CannotStart(f"PORT is {text!r}. Choose a number from 1 to {_HIGHEST}, such as make run PORT=3456.")
    port = int(text)
    if why := _why_not(port):
        raise CannotStart(f"Cannot listen on {HOST}:{port} ({why}). {_choose(port)}")
    if demo and (why := _why_not(port + 1)):
        raise CannotStart(
            f"The demo upstream cannot listen on {HOST}:{port + 1} ({why}). It uses the port after the gateway's. "
            f"{_choose(port)} DEMO_UPSTREAM=false starts without it."
        )
    return port


def check_alone(folder: Path, port: str) -> None:
    """Raises CannotStart where a gateway runs with the data in the folder: the demo's port is that of one gateway."""
    journals = Path(os.environ.get("JOURNAL_DIR") or folder / "journal").expanduser()
    if any(_is_locked(lock) for lock in journals.glob("*/lock")):
        other = int(port) + 100 if port.isascii() and port.isdigit() and int(port) + 101 <= _HIGHEST else 3556
        journal = " JOURNAL_DIR=~/gateway-data/journal" if os.environ.get("JOURNAL_DIR") else ""
        raise CannotStart(
            f"A gateway is running with the data in {journals if journal else folder}. Stop it first (Ctrl-C where it "
            f"runs), or start another one with data of its own: make run PORT={other} DATA_DIR=~/gateway-data{journal}."
        )


def _is_locked(lock: Path) -> bool:
    """Whether a worker holds the lock of its journal."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # The journal of a worker that has just ended.
        return False
    return False


def misspelt(file: Path, example: Path) -> Iterator[str]:
    """Returns a hint for each name in the file of settings that no setting has, and that nearly is one."""
    if not (file.is_file() and example.is_file()):
        return
    known = set(_DOCUMENTED.findall(example.read_text(encoding="utf8")))
    for name in dict.fromkeys(_SET.findall(file.read_text(encoding="utf8"))):
        if name == "PORT":
            yield f"PORT in {file} is not read: give the port with make run PORT=3456."
        elif name not in known and (near := difflib.get_close_matches(name.upper(), known, 1, 0.8)):
            or_key = " A credential may name it." if name.endswith(("_API_KEY", "_AUTH_TOKEN")) else ""
            yield f"{name} in {file} is no setting of the gateway. Is {near[0]} meant?{or_key}"


def check_folder(folder: Path) -> None:
    """Makes the data folder, for its owner alone, if it is missing. Raises CannotStart."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = "it is a file" if folder.is_file() else os.strerror(error.errno or 0)
        raise CannotStart(f"DATA_DIR is {folder}, which cannot be made ({why}). {_OTHER_FOLDER}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotStart(f"DATA_DIR is {folder}, where this user may not write. {_OTHER_FOLDER}")


_OTHER_FOLDER = "Choose another folder, such as make run DATA_DIR=~/gateway-data."


def _why_not(port: int) -> str:
    """Returns why nothing can listen on a port, "" where something can."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are just ending is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            return os.strerror(error.errno or 0)
    return ""


def _choose(port: int) -> str:
    other = port + 100 if port + 101 <= _HIGHEST else 3456
    return f"Stop what uses it, or choose another port, such as make run PORT={other}."
