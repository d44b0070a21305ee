"""What must hold of every connection's bytes, however damaged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.transport.outcomes import MORE, NOT_HTTP, WHOLE, aiohttps, ours


def judge(data: bytes, pieces: Sequence[bytes], loop: asyncio.AbstractEventLoop) -> None:
    """The promise: the cuts change nothing; what is taken, aiohttp takes alike, which is the more lenient one."""
    whole = ours([data])
    assert ours(pieces)[:3] == whole[:3]
    assert len(whole.body) <= len(data)
    closed = ours([data], closes=True)
    assert closed.ending != MORE
    assert closed.body == whole.body
    if whole.ending == WHOLE:
        assert closed[:3] == whole[:3]
    if closed.ending == WHOLE:
        theirs = aiohttps(loop, [data], closes=True)
        # What follows an answer in the same read fails it there.
        assert theirs[:3] == closed[:3] or (not whole.keeps and theirs.ending == NOT_HTTP)
