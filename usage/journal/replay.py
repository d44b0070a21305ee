"""Adopts the journals of dead workers: their requests become rows, unfinished ones with outcome interrupted."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from usage.journal import segments
from usage.journal.records import Finished, copy_answer
from usage.journal.segments import Entry
from usage.journal.writer import BATCH
from usage.models import Outcome
from usage.sentence import Sentence

logger = logging.getLogger("gateway.usage")

WriteThrough = Callable[[list[Finished]], bool]

GiveBack = Callable[[str], bool]

_WORKER_DIED = Sentence("The worker that served this request ended before the answer was complete.", code="worker_died")
STALE = 60.0
"""Seconds after which a hidden folder has no owner."""


def adopt(root: Path, own: Path, write: WriteThrough, give_back: GiveBack) -> int:
    """Replays every folder under `root` whose owner is dead; returns the number of requests.

    `write` inserts a batch and returns whether it did; what it does not insert is tried again next time. `give_back`
    then takes what is left of the blocks of a worker, which is the folder's name, and returns whether it did.
    """
    if not root.is_dir():
        return 0
    adopted = 0
    for folder in sorted(root.iterdir()):
        if folder == own or not folder.is_dir() or any(folder.glob(f"*{segments.UNREADABLE}")):
            continue
        try:
            if not folder.name.startswith(segments.HIDDEN):
                adopted += _adopt_one(folder, write, give_back)
            elif time.time() - folder.stat().st_mtime > STALE:
                # Its owner died while creating or removing the folder, which holds nothing but a lock.
                shutil.rmtree(folder)
        except FileNotFoundError:
            logger.warning("a journal disappeared while it was adopted", extra={"fields": {"folder": folder.name}})
    return adopted


def read(folder: Path) -> tuple[list[Finished], int]:
    """Returns the accounts of a folder as finished requests, and the number of torn lines."""
    latest: dict[UUID, Entry] = {}
    torn = 0
    for path in sorted(folder.glob(f"*{segments.SUFFIX}")):
        try:
            read = list(segments.entries(path.read_bytes()))
        except segments.Unreadable as error:
            unreadable = path.rename(path.with_suffix(segments.UNREADABLE))
            fields = {"file": str(unreadable), "cause": str(error)}
            logger.error("a journal of another version is kept: start that version on it", extra={"fields": fields})
            continue
        for entry in read:
            if entry is None:
                torn += 1
            elif latest.get(entry.request.id) is None or latest[entry.request.id].kind != "end":
                latest[entry.request.id] = entry
    return [_finished(entry) for entry in latest.values()], torn


def _adopt_one(folder: Path, write: WriteThrough, give_back: GiveBack) -> int:
    try:
        lock = segments.lock(folder)
    except FileNotFoundError:
        # Another worker has just adopted it.
        return 0
    except OSError as error:
        logger.warning(
            "a journal cannot be adopted yet", extra={"fields": {"folder": folder.name, "cause": str(error)}}
        )
        return 0
    if lock is None:
        return 0
    try:
        accounts, torn = read(folder)
        for start in range(0, len(accounts), BATCH):
            if not write(accounts[start : start + BATCH]):
                return 0
        # Before the files are gone: what is not given back now is so the next time.
        if not any(folder.glob(f"*{segments.UNREADABLE}")) and not give_back(folder.name):
            return 0
        for path in folder.glob(f"*{segments.SUFFIX}"):
            path.unlink()
        if any(folder.glob(f"*{segments.UNREADABLE}")):
            return len(accounts)
        # Renamed first, so that no other worker opens its lock between the two last steps.
        removed = folder.rename(folder.with_name(f"{segments.HIDDEN}{folder.name}"))
        (removed / segments.LOCK).unlink(missing_ok=True)
        removed.rmdir()
    finally:
        os.close(lock)
    logger.warning(
        "adopted the journal of a worker that is gone",
        extra={"fields": {"folder": folder.name, "requests": len(accounts), "torn_lines": torn}},
    )
    return len(accounts)


def _finished(entry: Entry) -> Finished:
    request, attempts = entry.request, entry.attempts
    if entry.kind == "end":
        return request, attempts
    request.outcome = Outcome.INTERRUPTED
    request.error_code = request.sentence_code = _WORKER_DIED.code
    request.error_message = str(_WORKER_DIED)
    request.attempts = len(attempts)
    for attempt in attempts:
        if not attempt.outcome:
            attempt.outcome = Outcome.INTERRUPTED
            if attempt.reserved is not None:
                # It may have gone upstream, and nothing is known of its answer: all that was reserved counts as spent.
                attempt.cost = attempt.other_cost = attempt.reserved
                attempt.estimated = True
    if attempts:
        copy_answer(request, attempts[-1], attempts)
    return request, attempts
