"""Linux's notice of writes to a file, for whoever else would look at it again and again (inotify(7))."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path
from typing import Final

_MODIFY, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_HEAD: Final = struct.Struct("iIII")
_MOST_BYTES: Final = 65_536


class FileEvents:
    """Events of files in a folder, until `close`. Raises OSError where the system has none."""

    def __init__(self, folder: Path, names: frozenset[str]) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError("there is no inotify here")
        libc = ctypes.CDLL(None, use_errno=True)
        self._names = {name.encode() for name in names}
        self.descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        mask = _MODIFY | _MOVED_TO | _CREATE | _DELETE
        if libc.inotify_add_watch(self.descriptor, os.fsencode(folder), ctypes.c_uint32(mask)) < 0:
            error = ctypes.get_errno()
            self.close()
            raise OSError(error, "inotify_add_watch")

    def taken(self) -> bool:
        """Takes what has happened, and returns whether it was to one of the files. Raises OSError when nothing more
        can happen, because the folder is gone."""
        found = False
        while True:
            try:
                read = os.read(self.descriptor, _MOST_BYTES)
            except BlockingIOError:
                return found
            place = 0
            while place < len(read):
                _, mask, _, length = _HEAD.unpack_from(read, place)
                place += _HEAD.size + length
                if mask & _IGNORED:
                    raise OSError("the folder is gone")
                found = found or bool(mask & _OVERFLOW) or read[place - length : place].rstrip(b"\0") in self._names

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self.descriptor)
