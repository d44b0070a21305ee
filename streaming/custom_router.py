"""The custom callable of the settings: called where no name and no rule has chosen; it can never fail a request.

`CUSTOM_ROUTER` is its dotted path. Given the facts it returns a route's name (or provider:model) or None. An
`async def` has CUSTOM_ROUTER_TIMEOUT seconds; a plain function is timed and no longer called after three
overruns, because each of them has held up all streams of its worker.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from routing.facts.request_facts import RequestFacts

logger = logging.getLogger("gateway.routing")

OVERRUNS = 3
"""How many times a plain function may be too slow before it is switched off."""
LONGEST_NAME = 400


class CustomRouter:
    """One callable. `trouble` is the latest failure in a sentence for the admin, None while there was none."""

    def __init__(self, function: Callable[[RequestFacts], Any] | None, timeout: float) -> None:
        self._function = function
        self._timeout = timeout
        self._is_async = inspect.iscoroutinefunction(function)
        self._overruns = 0
        self.failures = 0
        self.trouble: str | None = None

    @property
    def is_on(self) -> bool:
        """Whether there is a callable, and it has not been too slow too often."""
        return self._function is not None and self._overruns < OVERRUNS

    async def choose(self, facts: RequestFacts) -> str | None:
        """Returns the callable's choice, or None; its failures are logged and counted."""
        function = self._function
        if function is None or not self.is_on:
            return None
        try:
            chosen = await self._awaited(function, facts) if self._is_async else self._timed(function, facts)
        except TimeoutError:
            self._failed(f"it took longer than {self._timeout:g} s")
            return None
        except Exception as error:
            logger.exception("the custom router failed")
            self._failed(f"it raised {type(error).__name__}; the log has the traceback")
            return None
        if chosen is None or (isinstance(chosen, str) and 0 < len(chosen) <= LONGEST_NAME):
            return chosen
        self._failed(f"it returned {type(chosen).__name__} instead of a route's name or None")
        return None

    async def _awaited(self, function: Callable[[RequestFacts], Any], facts: RequestFacts) -> Any:
        async with asyncio.timeout(self._timeout):
            return await function(facts)

    def _timed(self, function: Callable[[RequestFacts], Any], facts: RequestFacts) -> Any:
        began = time.perf_counter()
        try:
            return function(facts)
        finally:
            if time.perf_counter() - began > self._timeout:
                self._overruns += 1
                self._failed(f"it took longer than {self._timeout:g} s")
                if not self.is_on:
                    self.trouble = (
                        f"The custom router took longer than {self._timeout:g} s {OVERRUNS} times and is no longer "
                        "called. Make it faster or an `async def`, then restart."
                    )
                    logger.error(self.trouble)

    def _failed(self, what: str) -> None:
        self.failures += 1
        self.trouble = (
            f"The custom router failed {self.failures} times, last because {what}. Requests continue without it."
        )


def load() -> CustomRouter:
    """Returns the callable that the settings name. Raises ImportError; a system check reports it before any start."""
    path: str = settings.CUSTOM_ROUTER
    return CustomRouter(import_string(path) if path else None, settings.CUSTOM_ROUTER_TIMEOUT)
