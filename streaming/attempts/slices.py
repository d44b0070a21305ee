"""The money of an answer slice by slice: reserves the next one, and ends an answer for which there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from providers.events import Event, MessageFinished, StreamFailed
from providers.fidelity import Fidelity, Notes
from streaming.budgets.request import AttemptMoney
from streaming.encoding.encoder import Encoder
from streaming.exchange.lifecycle import Watch

Arrived = Callable[[], Awaitable[list[Event]]]
"""Returns the events of an answer that have arrived by now. Nothing can be read after them."""


async def paid(money: AttemptMoney, encoder: Encoder, notes: Notes, watch: Watch, arrived: Arrived | None) -> bytes:
    """Reserves money for more of an answer, and ends it as if it had reached its limit where there is none.

    Returns what to send. What a provider sent while money was waited for is billed, so it is passed on and counts.
    """
    if encoder.stop_reason is not None or money.covers(encoder):
        return b""
    watch.pause()
    if await money.extend():
        return b""
    late = [] if arrived is None else await arrived()
    data = encoder.feed(event for event in late if type(event) is not StreamFailed)
    if encoder.stop_reason is None:
        notes.add(Fidelity.BUDGET_REACHED)
        data += encoder.feed([MessageFinished("max_tokens", cut_short=True)])
    return data
