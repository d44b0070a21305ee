"""What is done with a request grows with its size and no faster, whatever it is made of and wherever it goes.

40,000 values take a tenth of the bar, and what grew with the square of them took many times as much.
"""

from __future__ import annotations

import contextlib
import time

import pytest

from providers.errors import UnsupportedRequest
from streaming.ingress.claude.errors import ClaudeError
from tests.bounds.requests import SHAPES, encoded
from tests.bounds.targets import SERVERS, work

_VALUES = 40_000
_MOST = 3.0
"""CPU seconds of one step."""


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_with_the_request(shape: str) -> None:
    body = encoded(SHAPES[shape](_VALUES))
    for server in SERVERS:
        with contextlib.suppress(ClaudeError, UnsupportedRequest):
            for step in work(body, server):
                began = time.thread_time()
                step()
                assert time.thread_time() - began < _MOST, server
