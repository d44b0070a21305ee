"""Amazon's event stream, the writing side, made by hand: frames with real checksums, and a Claude answer in them.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from typing import Any

from tests.harness.script import Reply

TYPE = "application/vnd.amazon.eventstream"


def frame(payload: bytes, **headers: str) -> bytes:
    """One frame; header names without their colon, `_` for `-`."""
    head = b""
    for name, value in headers.items():
        key = f":{name.replace('_', '-')}".encode()
        head += struct.pack(">B", len(key)) + key + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    whole = prelude + head + payload
    return whole + struct.pack(">I", binascii.crc32(whole))


def chunk(event: dict[str, Any] | bytes, padding: str = "abcdefghij") -> bytes:
    """A chunk frame around one event of Claude's."""
    data = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
    payload = json.dumps({"bytes": base64.b64encode(data).decode(), "p": padding}).encode()
    return frame(payload, event_type="chunk", content_type="application/json", message_type="event")


def exception(name: str, **fields: Any) -> bytes:
    """An exception frame."""
    payload = json.dumps(fields).encode()
    return frame(payload, exception_type=name, content_type="application/json", message_type="exception")


def chunks(*sse: bytes) -> list[bytes]:
    """Claude's server-sent events as frames, one a piece; the last one of a message carries Amazon's metrics."""
    found = []
    for line in b"".join(sse).split(b"\n"):
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            if event["type"] == "message_stop":
                event["amazon-bedrock-invocationMetrics"] = {"inputTokenCount": 20, "outputTokenCount": 7}
            found.append(chunk(event))
    return found


def reply(*frames: bytes, status: int = 200) -> Reply:
    """An answer of these frames, a piece each."""
    return Reply(frames, status=status, headers={"content-type": TYPE, "x-amzn-requestid": "amzn-0001"})


def refusal(status: int, name: str, message: str) -> Reply:
    """An error before the stream, as Bedrock writes it."""
    headers = {"content-type": "application/json", "x-amzn-errortype": f"{name}:http://internal.amazon.com/"}
    body = json.dumps({"message": message}).encode()
    return Reply([body], status=status, headers={**headers, "content-length": str(len(body))})
