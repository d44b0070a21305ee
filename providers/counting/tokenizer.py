"""Counts the tokens of a request with a vocabulary that ships inside its package; nothing is fetched.

The first count loads the vocabulary (0.1 s, 70 MB), a megabyte of text takes 50 ms: an event loop uses a TokenPool.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.machinery
import importlib.util
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from providers.counting.families import family_of
from providers.counting.prompt import Prompt

_PIECE = 16 * 1024
"""Characters counted at once, in under a millisecond: the tokenizer holds the GIL meanwhile."""

_THREADS = 1
"""More would not be faster: the tokenizer keeps Python's lock while it counts."""
_WAITING = 8
"""Requests that may wait for a thread; the next one is not counted at all."""
_PATIENCE = 5.0
"""Seconds that a request waits for its count."""


class NoTokenizer(Exception):
    """The package is not installed or has no build for this machine."""


def count_tokens(body: dict[str, Any], model_name: str) -> int:
    """Returns the input tokens of a Claude request for a model. Raises NoTokenizer."""
    family = family_of(model_name)
    prompt = Prompt(body, family)
    count = _vocabulary()
    tokens = 0
    for text in prompt.texts:
        for piece in pieces(text):
            tokens += count(piece)
            if len(piece) > _PIECE // 2:
                # Releases the GIL: other threads would wait five milliseconds otherwise.
                time.sleep(0)
    return prompt.tokens + math.ceil(tokens * family.factor)


def pieces(text: str) -> Iterator[str]:
    """Yields the text in pieces, cut before a space or line break where possible, so that few tokens are cut."""
    start = 0
    while len(text) - start > _PIECE:
        end = start + _PIECE
        cut = max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end))
        end = cut if cut > start + _PIECE // 2 else end
        yield _sound(text[start:end])
        start = end
    yield _sound(text[start:])


def _sound(text: str) -> str:
    """Replaces lone surrogates, which cannot be counted."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@functools.cache
def _vocabulary() -> Callable[[str], int]:
    package = importlib.util.find_spec("bpe_openai")
    if package is None:
        raise NoTokenizer("bpe-openai is not installed")
    # Only the extension inside it. The package itself builds a second vocabulary in Python when it is imported (half a
    # second, 60 MB, and a deprecated way to read it), and has no count without a list of every token.
    spec = importlib.machinery.PathFinder.find_spec("_bindings", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise NoTokenizer("bpe-openai has no extension for this machine")
    bindings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bindings)
    count: Callable[[str], int] = bindings.tokenizer_for_encoding("o200k_base").count
    return count


class TokenPool:
    """Counts one request after the other in a thread that starts with the first."""

    def __init__(self, *, waiting: int = _WAITING, patience: float = _PATIENCE) -> None:
        self._waiting = waiting
        self._patience = patience
        self._executor: ThreadPoolExecutor | None = None
        self._running: set[Future[int]] = set()

    async def count(self, body: dict[str, Any], model_name: str) -> int | None:
        """Returns the tokens of a request, or None: too many wait, it takes too long, or there is no tokenizer."""
        if len(self._running) > self._waiting:
            return None
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="tokens")
        future = self._executor.submit(count_tokens, body, model_name)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        try:
            # Whoever stops waiting cancels the count, unless it has begun.
            return await asyncio.wait_for(asyncio.wrap_future(future), self._patience)
        except (TimeoutError, NoTokenizer):
            return None

    def close(self) -> None:
        """Begins no further count."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
