"""What this process knows of a provider, a candidate and a credential: circuits, latency, quota, waiting attempts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from providers.config import CredentialConfig, ProviderConfig
from routing.health.circuit import Circuit
from routing.spread import Draw, session_share, weighted_key

_STORED_TIMES = 64
_MIN_TIMES = 20
_AVERAGE_EXPIRES = 300.0
_SMOOTHING = 0.2
_MINUTE = 60.0
_BUSY_WAIT = 1.0
"""Seconds that callers are asked to wait while too many attempts are under way: when the first one ends is unknown."""


class ProviderState:
    """The connection to one provider, and the attempts that wait for it."""

    __slots__ = ("circuit", "config", "connected", "connecting", "waiting")

    def __init__(self, config: ProviderConfig, circuit: Circuit) -> None:
        self.config = config
        self.circuit = circuit
        self.connecting = 0
        self.connected = 0
        """How many connections were ever made: one more is a sign of life."""
        self.waiting: set[asyncio.Future[None]] = set()

    def admits(self) -> bool:
        """Whether one more attempt may wait for a connection.

        Failures count too, so that a dead server costs that many attempts their time-out, however many start at once.
        """
        settings = self.circuit.settings
        return not settings.enabled or self.connecting + self.circuit.failures < settings.failures

    def notify(self) -> None:
        """Wakes every attempt that waits, so that it looks at the circuits again."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Returns at the next `notify`, or after `seconds`."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiting.add(waiter)
        try:
            await asyncio.wait((waiter,), timeout=seconds)
        finally:
            self.waiting.discard(waiter)


class Latency:
    """The times to the first byte of one candidate, as this process measured them."""

    __slots__ = ("_average", "_next", "_recent", "_recorded_at")

    def __init__(self) -> None:
        self._average = 0.0
        self._recent: list[float] = []
        self._next = 0
        self._recorded_at = 0.0

    def record(self, seconds: float, now: float) -> None:
        """Adds one time to the first byte."""
        recent = self._recent
        self._average = seconds if not recent else self._average + _SMOOTHING * (seconds - self._average)
        self._recorded_at = now
        if len(recent) < _STORED_TIMES:
            recent.append(seconds)
        else:
            recent[self._next] = seconds
            self._next = (self._next + 1) % _STORED_TIMES

    def average(self, now: float) -> float | None:
        """Returns the moving average; None after five minutes without a time, so that a slow candidate is retried."""
        return self._average if self._recent and now - self._recorded_at < _AVERAGE_EXPIRES else None

    def p95(self) -> float | None:
        """Returns the 95th percentile, None while too few times are known."""
        if len(self._recent) < _MIN_TIMES:
            return None
        return sorted(self._recent)[int(len(self._recent) * 0.95)]


class CandidateState:
    """One model at one provider."""

    __slots__ = ("circuit", "in_flight", "latency", "model", "provider")

    def __init__(self, provider: ProviderState, model: int, circuit: Circuit) -> None:
        self.provider = provider
        self.model = model
        self.circuit = circuit
        self.latency = Latency()
        self.in_flight = 0


class Usage:
    """What one attempt used of its credential's limits: the estimate first, the real tokens once they are known."""

    __slots__ = ("at", "tokens")

    def __init__(self, at: float, tokens: int) -> None:
        self.at = at
        self.tokens = tokens


class Quota:
    """The limits that an administrator set on one credential, and what this process used of them in the last minute."""

    __slots__ = ("_tokens", "_usages", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self._usages: deque[Usage] = deque()
        self._tokens = 0

    def wait(self, limits: CredentialConfig, now: float) -> float | None:
        """Returns the seconds until the limits leave room for one more attempt, None when they do now."""
        if limits.concurrent and self.in_flight >= limits.concurrent:
            return _BUSY_WAIT
        if not (limits.requests_per_minute or limits.tokens_per_minute):
            return None
        self._expire(now)
        most = limits.requests_per_minute
        if most and len(self._usages) >= most:
            return self._usages[len(self._usages) - most].at + _MINUTE - now
        if limits.tokens_per_minute and self._tokens >= limits.tokens_per_minute:
            return self._until_tokens_below(limits.tokens_per_minute) + _MINUTE - now
        return None

    def begin(self, limits: CredentialConfig, now: float, tokens: int) -> Usage | None:
        """Counts an attempt that will take about `tokens`; None where nothing is limited per minute."""
        self.in_flight += 1
        if not (limits.requests_per_minute or limits.tokens_per_minute):
            return None
        self._expire(now)
        usage = Usage(now, tokens)
        self._usages.append(usage)
        self._tokens += tokens
        return usage

    def end(self, usage: Usage | None, tokens: int | None, now: float) -> None:
        """Ends an attempt that really took `tokens`, None when that is unknown."""
        self.in_flight -= 1
        if usage is not None and tokens is not None:
            self._expire(now)
            if now - usage.at < _MINUTE:
                self._tokens += tokens - usage.tokens
                usage.tokens = tokens

    def withdraw(self, usage: Usage | None) -> None:
        """Takes back the usage of an attempt that was never sent; it must still `end`."""
        if usage is not None and usage in self._usages:
            self._usages.remove(usage)
            self._tokens -= usage.tokens
            usage.at = float("-inf")

    def _expire(self, now: float) -> None:
        while self._usages and now - self._usages[0].at >= _MINUTE:
            self._tokens -= self._usages.popleft().tokens

    def _until_tokens_below(self, most: int) -> float:
        """When that attempt began whose expiry makes room."""
        remaining = self._tokens
        for usage in self._usages:
            remaining -= usage.tokens
            if remaining < most:
                return usage.at
        raise AssertionError("unreachable: without any attempt there are no tokens")


class CredentialState:
    """One credential, for every model."""

    __slots__ = ("circuit", "quota")

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.quota = Quota()


def choose_credential(usable: Sequence[CredentialConfig], session: str, draw: Draw) -> CredentialConfig | None:
    """Returns one of the `usable` credentials: the lowest position first, equals by weight.

    They are in the order of their positions. A session gets the same one as long as that is usable.
    """
    if not usable:
        return None
    first = usable[0]
    equals = [one for one in usable if one.position == first.position]
    if len(equals) == 1:
        return first
    if session:
        return max(equals, key=lambda one: weighted_key(session_share(session, str(one.id)), one.weight))
    return max(equals, key=lambda one: weighted_key(draw(), one.weight))
