"""The usage rows of a running server, which come a moment after the answer: they are written in batches."""

from __future__ import annotations

import time
from typing import Any

from tests.harness.configure import Key
from usage.models import AttemptLog, RequestLog


class Rows:
    """Rows by request id."""

    def request(self, request_id: str) -> RequestLog:
        """The one row of a request."""
        return self._one(request_id=request_id)

    def by_session(self, session_id: str) -> RequestLog:
        """The one row of a session."""
        return self._one(session_id=session_id)

    def _one(self, timeout: float = 10, **which: Any) -> RequestLog:
        deadline = time.monotonic() + timeout
        while True:
            rows = list(RequestLog.objects.filter(**which))
            if rows:
                assert len(rows) == 1, f"{len(rows)} rows for one request"
                return rows[0]
            assert time.monotonic() < deadline, f"no row with {which} after {timeout} s"
            time.sleep(0.02)

    def attempts(self, row: RequestLog, timeout: float = 5) -> list[AttemptLog]:
        """The tries of a request, first one first; there are as many as its row says."""
        deadline = time.monotonic() + timeout
        while True:
            attempts = list(AttemptLog.objects.filter(request_log_id=row.id).order_by("number"))
            if len(attempts) == row.attempts:
                return attempts
            assert time.monotonic() < deadline, f"{len(attempts)} attempt rows, the request says {row.attempts}"
            time.sleep(0.02)

    def of_key(self, key: Key, expected: int) -> list[RequestLog]:
        """The rows of a key, oldest first, once `expected` are there: a test that counts makes a key of its own."""
        return self._several(expected, key_id=key.row.pk)

    def of_session(self, session_id: str, expected: int) -> list[RequestLog]:
        """The rows of a session, oldest first, once `expected` are there."""
        return self._several(expected, session_id=session_id)

    def _several(self, expected: int, timeout: float = 10, **which: Any) -> list[RequestLog]:
        rows = RequestLog.objects.filter(**which).order_by("id")
        deadline = time.monotonic() + timeout
        while rows.count() < expected and time.monotonic() < deadline:
            time.sleep(0.02)
        return list(rows)
