"""What is known of a provider, a candidate and a credential in this process: their circuits and their figures."""

from __future__ import annotations

import asyncio

from providers.config import ProviderConfig
from routing.health.circuit import Circuit
from routing.health.latency import Speed
from routing.health.quota import Quota


class ProviderPlace:
    """The way to one provider, and the attempts that wait for a connection to it."""

    __slots__ = ("_waiting", "circuit", "config", "connected", "connecting")

    def __init__(self, config: ProviderConfig, circuit: Circuit) -> None:
        self.config = config
        self.circuit = circuit
        self.connecting = 0
        self.connected = 0
        """How many connections have come to stand, ever: one more is a sign of life."""
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def admits(self) -> bool:
        """Whether one more attempt may wait for a connection.

        Failures count too, so that a dead server costs that many attempts their time-out, however many start at once.
        """
        rules = self.circuit.rules
        return not rules.gates or self.connecting + self.circuit.failures < rules.failures

    def ring(self) -> None:
        """Something happened that those who wait should look at."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Until something happens, or for so long."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await asyncio.wait((waiter,), timeout=seconds)
        finally:
            self._waiting.discard(waiter)


class CandidatePlace:
    """One model at one provider."""

    __slots__ = ("circuit", "in_flight", "model", "provider", "speed")

    def __init__(self, provider: ProviderPlace, model: int, circuit: Circuit) -> None:
        self.provider = provider
        self.model = model
        self.circuit = circuit
        self.speed = Speed()
        self.in_flight = 0


class CredentialPlace:
    """One credential, whatever is asked with it."""

    __slots__ = ("circuit", "quota")

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.quota = Quota()
