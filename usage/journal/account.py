"""The account of one request: in the journal before anything is sent upstream, closed exactly once."""

from __future__ import annotations

import time
from typing import Final, Protocol
from uuid import UUID

import msgspec
import uuid_utils

from usage.journal.records import AttemptRecord, RequestRecord
from usage.journal.segments import Segment

_16_BYTES: Final = b"\xc4\x10"
"""The head of so many bytes in MessagePack."""
_decode_uuid: Final = msgspec.msgpack.Decoder(UUID).decode


class AccountOwner(Protocol):
    """What an account reports to."""

    def admitted(self, account: Account) -> bool:
        """The next attempt is about to go upstream; returns whether the journal has it."""
        ...

    def closed(self, account: Account) -> None:
        """The request has ended; called once."""


class Account:
    """One request's records. `request` may be filled in until `close`; `segments` belongs to the journal.

    An account without an owner is not recorded.
    """

    __slots__ = ("_attempts_began", "_began", "_owner", "attempts", "ended", "request", "segments")

    def __init__(self, owner: AccountOwner | None, request: RequestRecord) -> None:
        self._owner = owner
        self._began = time.perf_counter()
        self.request = request
        self.attempts: list[AttemptRecord] = []
        self._attempts_began: list[float] = []
        self.segments: list[Segment] = []
        self.ended = False

    def attempt(
        self,
        provider_id: int | None = None,
        provider_name: str = "",
        dialect: str = "",
        model_id: int | None = None,
        model_name: str = "",
    ) -> AttemptRecord:
        """Begins the record of the next attempt; `admit` must follow before anything is sent upstream."""
        self._attempts_began.append(time.perf_counter())
        record = AttemptRecord(
            id=new_identity(),
            request_log_id=self.request.id,
            number=len(self.attempts) + 1,
            provider_id=provider_id,
            provider_name=provider_name,
            dialect=dialect,
            model_id=model_id,
            model_name=model_name,
        )
        self.attempts.append(record)
        return record

    def admit(self) -> bool:
        """Writes the account so far into the journal: from now on it becomes a row, whatever happens. Returns False
        when the journal cannot be written."""
        return self._owner is None or self._owner.admitted(self)

    def close_attempt(
        self,
        record: AttemptRecord | None = None,
        *,
        connected_at: float | None = None,
        headers_at: float | None = None,
        first_content_at: float | None = None,
    ) -> None:
        """Notes the times of the attempt that just ended: the last one, unless attempts run side by side. Moments are
        of time.perf_counter."""
        record = self.attempts[-1] if record is None else record
        began = self._attempts_began[record.number - 1]
        record.duration_ms = round((time.perf_counter() - began) * 1000)
        if connected_at is not None:
            record.time_to_connect_ms = round((connected_at - began) * 1000)
        if headers_at is not None:
            record.time_to_headers_ms = round((headers_at - began) * 1000)
        if first_content_at is not None:
            record.time_to_first_token_ms = round((first_content_at - began) * 1000)
            if self.request.time_to_first_token_ms is None:
                self.request.time_to_first_token_ms = round((first_content_at - self._began) * 1000)

    def close(self) -> None:
        """Ends the request: its outcome goes into the journal and on to the writer."""
        self.request.duration_ms = round((time.perf_counter() - self._began) * 1000)
        self.request.attempts = len(self.attempts)
        self.ended = True
        if self._owner is not None:
            self._owner.closed(self)


def new_identity() -> UUID:
    """Returns a new UUIDv7, the id of a request or an attempt everywhere."""
    # What UUID(bytes=...) does, in a third of the time.
    return _decode_uuid(_16_BYTES + uuid_utils.uuid7().bytes)


def request_id_of(identity: UUID) -> str:
    """Returns the identity as clients see it, in the `request-id` header and in error bodies."""
    # What `hex` returns, in half the time.
    return "req_" + identity.int.to_bytes(16, "big").hex()


def identity_of(request_id: str) -> UUID | None:
    """Returns the identity of a `request_id_of`, the primary key of its row; None for a text that is none."""
    try:
        return UUID(request_id.removeprefix("req_"))
    except ValueError:
        return None
