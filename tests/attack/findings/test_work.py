"""Work is bounded, not only bytes: no shape of a request stops the others or takes many times its size.

The bars are for an idle machine: the loop stands still for less than 0.1 s, and the server takes less than the larger
of 64 MB and eight times the request.
"""

from __future__ import annotations

import pytest

from providers.dialects import DIALECTS
from tests.attack.rig.rig import Rig
from tests.bounds.bodies import BEYOND, WITHIN, body

_MB = 1024 * 1024
_BLOCKED = 0.1
_TRIES = 3


def _hold(rig: Rig, shape: str, size: int, dialect: str, *, stream: bool, status: int) -> None:
    """Sends a body of a shape, a few times where the machine was busy, and holds what it took against the bars."""
    took = []
    for _ in range(_TRIES):
        script = rig.script(dialect=dialect)
        data = body(shape, size, script.prompt, rig.routes[dialect], stream=stream)
        with rig.watching() as toll:
            answer = rig.client().post(data)
        assert answer.status == status, answer.raw[:300]
        assert len(script.seen) == (status == 200)
        print(f"{shape}, {dialect}, {len(data) / _MB:.1f} MB: {toll}, {toll.grown / len(data):.1f} times")
        assert toll.grown < max(64 * _MB, 8 * len(data)), (shape, toll)
        took.append(toll.blocked)
        if toll.blocked < _BLOCKED:
            return
    raise AssertionError(f"{shape}: /healthz waited for {', '.join(f'{one:.2f}' for one in took)} s")


@pytest.mark.parametrize("shape", BEYOND)
@pytest.mark.parametrize("size", [4 * _MB, pytest.param(32 * _MB - 4096, marks=pytest.mark.slow)])
def test_too_many_values_are_refused_at_once(size: int, shape: str, rig: Rig) -> None:
    _hold(rig, shape, size, "anthropic", stream=True, status=400)
    rig.assert_serves()


@pytest.mark.slow
@pytest.mark.parametrize("shape", WITHIN)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_four_megabytes_stop_nobody(dialect: str, shape: str, rig: Rig) -> None:
    for stream in (True, False):
        _hold(rig, shape, 4 * _MB, dialect, stream=stream, status=200)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("shape", WITHIN)
def test_thirty_two_megabytes_stop_nobody(shape: str, stream: bool, rig: Rig) -> None:
    for dialect in ("anthropic", "openai_chat"):
        _hold(rig, shape, 31 * _MB, dialect, stream=stream, status=200)
