"""The witness: an upstream in a process of its own that counts. It survives the gateway and knows what it reported.

It answers each request as the plan in it says and keeps a ledger by `x-attempt-id`; GET /ledger gives it as JSON.
Run as `python -m tests.chaos.witness`; the first line that it prints is its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from tests.chaos.plan import Act, plan_in
from tests.harness import speak

WORKED = 0.2
"""Seconds after which a request that is reset has certainly been worked on."""


class Counts(msgspec.Struct, frozen=True):
    """Token counts as one report gave them."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None


class Sighting(msgspec.Struct):
    """One attempt as the witness saw it.

    `reports` are cumulative, `characters` counts the text that was sent; `finished` when the complete answer was.
    `worked` says that it had the request for a while, or began to answer.
    """

    attempt: str
    session: str
    place: str
    arrivals: int = 0
    reports: list[Counts] = []
    characters: int = 0
    finished: bool = False
    worked: bool = False

    def settled(self) -> list[Counts]:
        """What is known after each report: zeros are placeholders where a count is known already."""
        known: list[Counts] = []
        for report in self.reports:
            before = known[-1] if known else Counts()
            prompt = (before.input, before.cache_read, before.cache_write)
            if any(prompt) and not (report.input or report.cache_read or report.cache_write):
                report = msgspec.structs.replace(report, input=prompt[0], cache_read=prompt[1], cache_write=prompt[2])
            if before.output and report.output == 0:
                report = msgspec.structs.replace(report, output=before.output, reasoning=before.reasoning)
            known.append(report)
        return known

    def reported(self) -> Counts:
        """What all reports come to."""
        return self.settled()[-1] if self.reports else Counts()


Piece = tuple[bytes, Counts | None, str]
"""What goes out, what it reports, and the text in it."""


class _Over(Exception):
    """This connection is not to be used again."""


class Witness:
    """The ledger and the answers."""

    def __init__(self) -> None:
        self.ledger: dict[str, Sighting] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        gone = (ConnectionError, asyncio.IncompleteReadError, _Over)
        with contextlib.suppress(*gone):
            async for path, headers, body in _requests(reader):
                if path == "/ledger":
                    data = msgspec.json.encode(list(self.ledger.values()))
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
                    await writer.drain()
                else:
                    await self._answer(path, headers, body, writer)
        writer.transport.abort()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        plan, place, attempt = plan_in(body), path.split("/")[1], headers["x-attempt-id"]
        act = plan.acts[place]
        sighting = self.ledger.setdefault(attempt, Sighting(attempt, plan.session, place))
        sighting.arrivals += 1
        sighting.worked = act.way != "reset" or act.wait >= WORKED
        if act.wait:
            await asyncio.sleep(act.wait)
        if act.way == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            raise _Over
        if act.way == "refuse":
            data = b'{"type": "error", "error": {"type": "api_error", "message": "As planned.", "code": "planned"}}'
            head = f"HTTP/1.1 {act.status} Planned\r\ncontent-type: application/json\r\ncontent-length: {len(data)}"
            writer.write(head.encode() + b"\r\n\r\n" + data)
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        claude = path.endswith("/messages")
        for data, report, text in (_claude if claude else _chat)(act):
            # Recorded before it is sent: whatever a client read of it is in the ledger.
            if report is not None:
                sighting.reports.append(report)
            sighting.characters += len(text)
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()
            if act.pause:
                await asyncio.sleep(act.pause)
        if act.way == "cut":
            # An end of the body, not a reset: what was sent before arrives for sure.
            writer.write_eof()
            await asyncio.sleep(0.05)
            raise _Over
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        sighting.finished = act.way == "answer"


def _claude(act: Act) -> Iterator[Piece]:
    """The pieces of an answer in Claude's dialect, and what each reports."""
    begun = Counts(act.input, act.cache_read, act.cache_write, 1 if act.output is not None else None)
    usage = {
        "input_tokens": begun.input,
        "cache_read_input_tokens": begun.cache_read,
        "cache_creation_input_tokens": begun.cache_write,
        "output_tokens": begun.output,
    }
    message = {"id": "msg_up", "type": "message", "role": "assistant", "model": "up", "content": []}
    counts = {name: count for name, count in usage.items() if count is not None}
    start = {**message, "stop_reason": None, "stop_sequence": None, "usage": counts}
    yield _event("message_start", message=start), begun, ""
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""}), None, ""
    for number in range(act.words):
        yield (
            _event("content_block_delta", index=0, delta={"type": "text_delta", "text": (text := f"{number} ")}),
            None,
            text,
        )
    if act.way == "error":
        yield speak.error_in_stream("anthropic", "As planned."), None, ""
    if act.way != "answer":
        return
    yield _event("content_block_stop", index=0), None, ""
    ended = {} if act.output is None else {"output_tokens": act.output}
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage=ended), msgspec.structs.replace(begun, output=act.output), ""
    yield _event("message_stop"), None, ""


def _event(kind: str, **fields: Any) -> bytes:
    """One event, without blanks in its JSON: the gateway reckons with its size."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))


def _chat(act: Act) -> Iterator[Piece]:
    """The same in OpenAI's: all counts come at the end, and the prompt's includes what was cached."""
    yield speak.chat_chunk({"role": "assistant", "content": ""}), None, ""
    for number in range(act.words):
        yield speak.chat_text(text := f"{number} "), None, text
    if act.way == "error":
        yield speak.error_in_stream("openai_chat", "As planned."), None, ""
    if act.way != "answer":
        return
    yield speak.chat_chunk({}, "stop"), None, ""
    if act.input is not None and act.output is not None:
        prompt = act.input + (act.cache_read or 0) + (act.cache_write or 0)
        cached = {"cached_tokens": act.cache_read, "cache_write_tokens": act.cache_write}
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": act.output,
            "total_tokens": prompt + act.output,
            "prompt_tokens_details": {name: count for name, count in cached.items() if count is not None},
            "completion_tokens_details": {} if act.reasoning is None else {"reasoning_tokens": act.reasoning},
        }
        report = Counts(act.input, act.cache_read, act.cache_write, act.output, act.reasoning)
        yield speak.chat_chunk(usage=usage), report, ""
    yield b"data: [DONE]\n\n", None, ""


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, dict[str, str], bytes]]:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
        yield line.split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", "0")))


async def main() -> None:
    """Listen on a free port until standard input closes."""
    witness = Witness()
    server = await asyncio.start_server(witness.serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
