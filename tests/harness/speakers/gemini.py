"""Google's Gemini API, the upstream's side. https://ai.google.dev/api/generate-content"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.harness.speakers.parts import Call, Part, Text, Thinking, sse

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class GeminiSpeaker:
    """Calls come whole, the first of a turn with a thought signature; early chunks have no counts."""

    content_type = "text/event-stream"
    prefix = "/v1beta"
    counts = (20, 10, 7)

    def whole(self, parts: Sequence[Part], finish: str = "") -> list[bytes]:
        """A chunk for each piece."""
        sent, signed = [], False
        for part in parts:
            match part:
                case Thinking(text):
                    sent.append(self._chunk([{"text": text, "thought": True}]))
                case Text(pieces):
                    sent += [self.more(piece) for piece in pieces]
                case Call(name, pieces, _):
                    called: dict[str, Any] = {"functionCall": {"name": name}}
                    if pieces:
                        called["functionCall"]["args"] = part.input
                    sent.append(self._chunk([called if signed else {**called, "thoughtSignature": "c2lnbmF0dXJl"}]))
                    signed = True
        return [*sent, self._end("MAX_TOKENS" if finish == "length" else "STOP")]

    def opening(self, text: str) -> bytes:
        """Text."""
        return self.more(text)

    def more(self, text: str) -> bytes:
        """A chunk."""
        return self._chunk([{"text": text}])

    def closing(self) -> bytes:
        """The finish with its counts."""
        return self._end("STOP")

    def failure(self, message: str) -> bytes:
        """An error in place of a chunk."""
        return sse({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})

    def refusal(self, status: int, message: str, code: str) -> Any:
        """google.rpc.Status."""
        return {"error": {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}}

    def overflow(self) -> tuple[str, str]:
        """Google's words."""
        return "The input token count (130001) exceeds the maximum number of tokens allowed (128000).", ""

    def tool_names(self, body: Any) -> list[str]:
        """The function declarations."""
        return [made["name"] for tool in body["tools"] for made in tool.get("functionDeclarations", ())]

    def results(self, body: Any) -> list[str]:
        """The functionResponse parts."""
        parts = [part for content in body["contents"] for part in content["parts"]]
        return [json.dumps(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]

    def _end(self, reason: str) -> bytes:
        usage = {
            "promptTokenCount": 30,
            "cachedContentTokenCount": 10,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 37,
        }
        return self._chunk([{"text": ""}], finishReason=reason, usage=usage)

    def _chunk(self, parts: list[Any], usage: Any = None, **fields: Any) -> bytes:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **fields}
        counts = usage or {"trafficType": "ON_DEMAND"}
        return sse(
            {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "gemini-up", "responseId": "up"}
        )
