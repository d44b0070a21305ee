"""Downloads and posts through the guarded client, which is loaded when the first one is asked for.

It takes memory, and a tenth of a second of a process that may never need it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import msgspec


class FetchFailed(Exception):
    """A download was refused or failed; `reason` completes the sentence `It could not be fetched: ...`.

    `status` is the HTTP status of an answer without the file.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Fetched(msgspec.Struct, frozen=True):
    """A small file: its bytes, and its content type in lower case without parameters."""

    content: bytes
    content_type: str


async def fetch(
    url: str,
    *,
    most_bytes: int,
    seconds: float,
    local: bool = False,
    headers: Mapping[str, str] | None = None,
    proxy: str | None = None,
    arrived: Callable[[int], None] = lambda size: None,
) -> Fetched:
    """Downloads a small file; checks every redirect like the first address. `local` allows private addresses.

    With `headers`, which may hold a secret, no redirect is followed. The address of a `proxy` may be private.
    `arrived` gets the size of each part of the file, and may raise.
    Raises FetchFailed, whose reason never repeats the URL: its query may hold secrets.
    """
    guard = await _loaded("providers.outbound.guard")
    fetched: Fetched = await guard.fetch(url, most_bytes, seconds, local, headers, proxy, arrived)
    return fetched


async def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, local: bool) -> None:
    """Posts a small JSON body to an address that is no provider's, and returns when the server answered with a status
    of 2xx. No redirect is followed, and nothing of the answer but its status is read. `local` allows private addresses.

    Raises FetchFailed, whose reason names no URL.
    """
    posting = await _loaded("providers.outbound.post")
    await posting.post(url, body, headers, seconds, local)


async def _loaded(name: str) -> Any:
    # Beside the event loop, where streams go on meanwhile.
    return sys.modules.get(name) or await asyncio.to_thread(import_module, name)
