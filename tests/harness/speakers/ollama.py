"""Ollama's own chat API, the upstream's side: lines of JSON. https://docs.ollama.com/api/chat"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.harness.speakers.parts import Call, Part, Text, Thinking

_LINE = {"model": "up", "created_at": "2026-11-22T12:00:00Z"}


class OllamaSpeaker:
    """Calls come whole and without ids; nothing is told of a cache."""

    content_type = "application/x-ndjson"
    prefix = ""
    counts = (30, None, 7)

    def whole(self, parts: Sequence[Part], finish: str = "") -> list[bytes]:
        """A line for each piece."""
        sent = []
        for part in parts:
            match part:
                case Thinking(text):
                    sent.append(self._line(content="", thinking=text))
                case Text(pieces):
                    sent += [self.more(piece) for piece in pieces]
                case Call(name, _, _):
                    called = {"function": {"name": name, "arguments": part.input}}
                    sent.append(self._line(content="", tool_calls=[called]))
        return [*sent, self._end(finish or "stop")]

    def opening(self, text: str) -> bytes:
        """A line of text."""
        return self.more(text)

    def more(self, text: str) -> bytes:
        """A line of text."""
        return self._line(content=text)

    def closing(self) -> bytes:
        """The last line."""
        return self._end("stop")

    def failure(self, message: str) -> bytes:
        """An error in place of a line."""
        return json.dumps({"error": message}).encode() + b"\n"

    def refusal(self, status: int, message: str, code: str) -> Any:
        """A bare message."""
        return {"error": message}

    def overflow(self) -> tuple[str, str]:
        """The words of its runner."""
        return "the input length exceeds the context length", ""

    def tool_names(self, body: Any) -> list[str]:
        """The functions."""
        return [tool["function"]["name"] for tool in body["tools"]]

    def results(self, body: Any) -> list[str]:
        """The messages of role tool."""
        return [json.dumps(entry["content"]) for entry in body["messages"] if entry["role"] == "tool"]

    def _end(self, reason: str) -> bytes:
        last = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}
        counts = {"total_duration": 9, "prompt_eval_count": 30, "eval_count": 7}
        return json.dumps({**_LINE, **last, **counts}).encode() + b"\n"

    def _line(self, **message: Any) -> bytes:
        line = {**_LINE, "message": {"role": "assistant", **message}, "done": False}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"
