"""The limits that an administrator gave a credential: requests and tokens of the last minute, and those under way."""

from __future__ import annotations

from collections import deque

from providers.config import CredentialConfig

_MINUTE = 60.0
_BUSY = 1.0
"""What those are told to wait who come while too many are under way: nobody knows when the first one ends."""


class Spent:
    """What one attempt has spent of its credential: the estimate first, the real tokens once they are known."""

    __slots__ = ("at", "tokens")

    def __init__(self, at: float, tokens: int) -> None:
        self.at = at
        self.tokens = tokens


class Quota:
    """What was spent of one credential in this process."""

    __slots__ = ("_spent", "_tokens", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self._spent: deque[Spent] = deque()
        self._tokens = 0

    def wait(self, limits: CredentialConfig, now: float) -> float | None:
        """Seconds until the limits leave room for one more, None when they do now."""
        if limits.concurrent and self.in_flight >= limits.concurrent:
            return _BUSY
        if not (limits.requests_per_minute or limits.tokens_per_minute):
            return None
        self._forget(now)
        most = limits.requests_per_minute
        if most and len(self._spent) >= most:
            return self._spent[len(self._spent) - most].at + _MINUTE - now
        if limits.tokens_per_minute and self._tokens >= limits.tokens_per_minute:
            return self._until_tokens_below(limits.tokens_per_minute) + _MINUTE - now
        return None

    def begin(self, limits: CredentialConfig, now: float, tokens: int) -> Spent | None:
        """An attempt begins that will take about so many tokens."""
        self.in_flight += 1
        if not (limits.requests_per_minute or limits.tokens_per_minute):
            return None
        self._forget(now)
        spent = Spent(now, tokens)
        self._spent.append(spent)
        self._tokens += tokens
        return spent

    def end(self, spent: Spent | None, tokens: int | None, now: float) -> None:
        """It is over; `tokens` are those it really took, None when nobody knows."""
        self.in_flight -= 1
        if spent is not None and tokens is not None:
            self._forget(now)
            if now - spent.at < _MINUTE:
                self._tokens += tokens - spent.tokens
                spent.tokens = tokens

    def withdraw(self, spent: Spent | None) -> None:
        """The attempt was never sent; it still ends."""
        if spent is not None and spent in self._spent:
            self._spent.remove(spent)
            self._tokens -= spent.tokens
            spent.at = float("-inf")

    def _forget(self, now: float) -> None:
        while self._spent and now - self._spent[0].at >= _MINUTE:
            self._tokens -= self._spent.popleft().tokens

    def _until_tokens_below(self, most: int) -> float:
        """When that attempt began which must be forgotten before there is room."""
        left = self._tokens
        for spent in self._spent:
            left -= spent.tokens
            if left < most:
                return spent.at
        raise AssertionError("unreachable: without any attempt there are no tokens")
