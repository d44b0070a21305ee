"""The account of one request: in the journal before a byte goes upstream, closed exactly once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import UUID

import uuid_utils.compat as uuid_utils

from usage.journal.records import AttemptRecord, RequestRecord
from usage.journal.segments import Segment

if TYPE_CHECKING:
    from usage.journal.journal import Journal
    from usage.journal.writer import Writer


class Account:
    """One request's records. `request` may be filled in until `close`; `segments` is the journal's own note.

    With no recorder nobody keeps it: a probe's.
    """

    __slots__ = ("_attempts_began", "_began", "_recorder", "attempts", "request", "segments")

    def __init__(self, recorder: Recorder | None, request: RequestRecord) -> None:
        self._recorder = recorder
        self._began = time.perf_counter()
        self.request = request
        self.attempts: list[AttemptRecord] = []
        self._attempts_began: list[float] = []
        self.segments: list[Segment] = []

    def attempt(self) -> AttemptRecord:
        """Begin the record of the next attempt; `admit` must follow before the upstream hears of it."""
        self._attempts_began.append(time.perf_counter())
        record = AttemptRecord(id=new_identity(), request_log_id=self.request.id, number=len(self.attempts) + 1)
        self.attempts.append(record)
        return record

    def admit(self) -> None:
        """Write the account as it stands into the journal: from now on it becomes a row, whatever happens."""
        if self._recorder is not None:
            self._recorder.journal.append(self, ended=False)

    def first_token(self, record: AttemptRecord, at: float) -> None:
        """Note when content arrived for the first time in an attempt, on the clock of time.perf_counter."""
        if record.time_to_first_token_ms is None:
            record.time_to_first_token_ms = _milliseconds(at - self._attempts_began[record.number - 1])
        if self.request.time_to_first_token_ms is None:
            self.request.time_to_first_token_ms = _milliseconds(at - self._began)

    def close_attempt(self, record: AttemptRecord | None = None) -> None:
        """Note the duration of the attempt that just ended, which is the last one unless attempts run side by side."""
        record = self.attempts[-1] if record is None else record
        record.duration_ms = _milliseconds(time.perf_counter() - self._attempts_began[record.number - 1])

    def close(self) -> None:
        """The request has ended: its outcome goes into the journal and on to the writer."""
        self.request.duration_ms = _milliseconds(time.perf_counter() - self._began)
        self.request.attempts = len(self.attempts)
        if self._recorder is not None:
            self._recorder.closed(self)


class Recorder:
    """Opens accounts and passes closed ones on."""

    def __init__(self, writer: Writer, journal: Journal) -> None:
        self.writer = writer
        self.journal = journal

    def open(self, identity: UUID) -> Account:
        """A new account under an identity of `new_identity`."""
        return Account(self, RequestRecord(id=identity, request_id=request_id_of(identity)))

    def closed(self, account: Account) -> None:
        """Called by an account, once, at its end."""
        try:
            self.journal.append(account, ended=True)
        finally:
            self.writer.put(account)

    def refusal(self) -> str | None:
        """Why a request could not be accounted for now, if both ways to account are gone."""
        if self.journal.failing is None or self.writer.failing_since is None:
            return None
        return "neither the usage journal nor the database can be written"


def new_identity() -> UUID:
    """A fresh UUIDv7: what a request is called everywhere."""
    return uuid_utils.uuid7()


def request_id_of(identity: UUID) -> str:
    """The identity as clients see it, in the `request-id` header and in error bodies."""
    return f"req_{identity.hex}"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
