"""What a first start needs of the machine, found out before anything is written. Uses only the standard library."""

from __future__ import annotations

import os
import socket
from pathlib import Path

HOST = "127.0.0.1"
_HIGHEST = 65534


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
    return f"Is another gateway running? Stop it, or choose another port, such as make run PORT={other}."
