"""The usage rows of a running server, which come a moment after the answer: they are written in batches."""

from __future__ import annotations

from typing import Any

from tests.harness.configure import Key
from tests.harness.patience import until
from usage.models import AttemptLog, RequestLog


class Rows:
    """Rows by request id."""

    def request(self, request_id: str) -> RequestLog:
        """The one row of a request."""
        return self._one(request_id=request_id)

    def by_session(self, session_id: str) -> RequestLog:
        """The one row of a session."""
        return self._one(session_id=session_id)

    def _one(self, **which: Any) -> RequestLog:
        (row,) = self._several(1, **which)
        return row

    def attempts(self, row: RequestLog) -> list[AttemptLog]:
        """The tries of a request, first one first; there are as many as its row says."""
        attempts = AttemptLog.objects.filter(request_log_id=row.id).order_by("number")
        until(lambda: attempts.count() == row.attempts, lambda: f"{attempts.count()} attempt rows, not {row.attempts}")
        return list(attempts)

    def of_key(self, key: Key, expected: int) -> list[RequestLog]:
        """The rows of a key, oldest first, once `expected` are there: a test that counts makes a key of its own."""
        return self._several(expected, key_id=key.row.pk)

    def of_session(self, session_id: str, expected: int) -> list[RequestLog]:
        """The rows of a session, oldest first, once `expected` are there."""
        return self._several(expected, session_id=session_id)

    def _several(self, expected: int, **which: Any) -> list[RequestLog]:
        rows = RequestLog.objects.filter(**which).order_by("id")
        until(lambda: rows.count() >= expected, lambda: f"{rows.count()} rows with {which}, not {expected}")
        return list(rows)
