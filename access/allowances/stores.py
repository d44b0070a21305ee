"""Which store a serving process uses, and the task that keeps it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
import socket
from pathlib import Path

from django.conf import settings

from access.allowances.mapped import MappedStore
from access.allowances.memory import MemoryStore
from access.allowances.policy import KEEP_SECONDS, Store, StoreUnreadable

logger = logging.getLogger("gateway.limits")

APPLICATION = "gateway"
"""What the names of serving processes in PostgreSQL begin with."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""On Linux: the same in all containers of a machine, and on no other machine."""


def chosen() -> Store:
    """Returns the store for this process: Redis with REDIS_URL, a file for several workers, otherwise memory."""
    if settings.REDIS_URL:
        # The library is an extra.
        from access.allowances.redis import RedisStore

        return RedisStore(settings.REDIS_URL, settings.REDIS_PREFIX)
    return MappedStore(_folder()) if settings.WORKERS > 1 else MemoryStore()


def are_shared() -> bool:
    """Whether other processes see what this one counts, and it what they count."""
    return bool(settings.REDIS_URL) or settings.WORKERS > 1


def name_place() -> None:
    """Lets PostgreSQL show where this process counts: connections of the same name are of workers that count together.

    A name that an administrator gave stays.
    """
    given = os.environ.get("PGAPPNAME", "")
    # One of ours is what a serving process has handed down to another.
    if not given or given.startswith(f"{APPLICATION} "):
        os.environ["PGAPPNAME"] = f"{APPLICATION} {_place()}"


def _place() -> str:
    if settings.REDIS_URL:
        # Hosts may reach one Redis under several addresses.
        return _named(f"redis {settings.REDIS_PREFIX}")
    if settings.WORKERS > 1:
        folder = _folder()
        try:
            machine = _BOOT.read_text() if _BOOT.exists() else socket.gethostname()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.parent.stat()
            return _named(f"{machine} {found.st_dev} {found.st_ino}")
        except OSError as error:
            logger.warning("the folder of limits cannot be used", extra={"fields": {"cause": str(error)}})
    return secrets.token_hex(8)


class Keeper:
    """Calls `keep` of a store every KEEP_SECONDS, and closes it at the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._unreadable = False

    async def start(self) -> None:
        """Makes the store ready for the first request, and starts the task in the running loop."""
        await self._keep()
        self._task = asyncio.create_task(self._run(), name="allowances")

    async def stop(self) -> None:
        """Ends the task and closes the store."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._store.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            await self._keep()

    async def _keep(self) -> None:
        try:
            await self._store.keep()
        except Exception as error:
            # Whatever it is: without this task slots of this worker would end, and those of dead ones would not.
            if not self._unreadable:
                known = isinstance(error, StoreUnreadable)
                logger.warning(
                    "limits are not counted",
                    extra={"fields": {"cause": str(error)}},
                    exc_info=None if known else error,
                )
            self._unreadable = True
        else:
            if self._unreadable:
                logger.warning("limits are counted again")
            self._unreadable = False


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "allowances"


def _named(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
