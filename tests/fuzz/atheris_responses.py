"""Fuzzing of the transport's reader of responses that watches which code is reached, by `make fuzz`: needs atheris.

It starts from the responses of tests/transport, and ends at the first that its cuts change, or that aiohttp reads as
something else; it says which bytes did it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["providers.outbound.wire"]):
    from tests.transport.corpus import AGREED, BAD_CHUNKS, LEFT_OVER, NO_HTTP, UNTIL_CLOSE
    from tests.transport.judge import judge


def main() -> None:
    """Fuzz until libFuzzer's own options say enough."""
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-responses-"))
    for number, answer in enumerate((AGREED | UNTIL_CLOSE | LEFT_OVER | NO_HTTP | BAD_CHUNKS).values()):
        (corpus / str(number)).write_bytes(b"\x10" + answer[:4_000])
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        def one(data: bytes) -> None:
            # The first byte says in pieces of which size the rest arrives.
            size = (data[0] if data else 0) or 1 << 20
            body = data[1:]
            judge(body, [body[at : at + size] for at in range(0, len(body), size)], loop)

        atheris.Setup([*sys.argv, str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
