"""OpenAI's Responses API, the upstream's side. https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.harness.speakers.parts import Call, Part, Text, Thinking, sse

_RESPONSE = {"id": "resp_up", "object": "response", "created_at": 1, "model": "gpt-up"}
_USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 37,
}


class ResponsesSpeaker:
    """Items one after the other; reasoning as a summary with its encrypted content."""

    content_type = "text/event-stream"
    prefix = "/v1"
    counts = (20, 10, 7)

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def whole(self, parts: Sequence[Part], finish: str = "") -> list[bytes]:
        """Every event that the API sends for each part."""
        sent, items = [self._start()], []
        for index, part in enumerate(parts):
            events = list(self._item(index, part))
            sent += events
            items.append(json.loads(events[-1].partition(b"data: ")[2])["item"])
        return [*sent, self._end(items, finish)]

    def opening(self, text: str) -> bytes:
        """A response with an open message."""
        return self._start() + self._message_added(0) + self.more(text)

    def more(self, text: str) -> bytes:
        """A delta of its text."""
        return self._event("response.output_text.delta", item_id="msg_0", output_index=0, content_index=0, delta=text)

    def closing(self) -> bytes:
        """The item's end and the response's."""
        item = {"id": "msg_0", "type": "message", "role": "assistant", "status": "completed", "content": []}
        return self._event("response.output_item.done", output_index=0, item=item) + self._end([item], "")

    def failure(self, message: str) -> bytes:
        """The bare error event, and response.failed after it."""
        error = {"code": "server_error", "message": message}
        failed = {**_RESPONSE, "status": "failed", "error": error, "output": [], "usage": None}
        return self._event("error", **error, param=None) + self._event("response.failed", response=failed)

    def refusal(self, status: int, message: str, code: str) -> Any:
        """OpenAI's error object."""
        return {"error": {"message": message, "type": code or "some_error", "param": None, "code": code or None}}

    def overflow(self) -> tuple[str, str]:
        """OpenAI's words, without a number."""
        words = "Your input exceeds the context window of this model. Please adjust your input and try again."
        return words, "context_length_exceeded"

    def tool_names(self, body: Any) -> list[str]:
        """The functions."""
        return [tool["name"] for tool in body["tools"]]

    def results(self, body: Any) -> list[str]:
        """The function_call_output items."""
        return [json.dumps(item["output"]) for item in body["input"] if item.get("type") == "function_call_output"]

    def _item(self, index: int, part: Part) -> Iterator[bytes]:
        match part:
            case Thinking(text):
                item: dict[str, Any] = {"id": f"rs_{index}", "type": "reasoning", "summary": []}
                at = {"item_id": item["id"], "output_index": index, "summary_index": 0}
                yield self._event("response.output_item.added", output_index=index, item=item)
                summary = {"type": "summary_text", "text": text}
                yield self._event("response.reasoning_summary_part.added", **at, part={**summary, "text": ""})
                yield self._event("response.reasoning_summary_text.delta", **at, delta=text)
                yield self._event("response.reasoning_summary_text.done", **at, text=text)
                yield self._event("response.reasoning_summary_part.done", **at, part=summary)
                item = {**item, "summary": [summary], "encrypted_content": "gAAAAAB-encrypted"}
            case Text(pieces):
                item = {"id": f"msg_{index}", "type": "message", "role": "assistant", "status": "completed"}
                at = {"item_id": item["id"], "output_index": index, "content_index": 0}
                yield self._message_added(index)
                for piece in pieces:
                    yield self._event("response.output_text.delta", **at, delta=piece)
                whole = {"type": "output_text", "text": "".join(pieces), "annotations": []}
                yield self._event("response.output_text.done", **at, text=whole["text"])
                yield self._event("response.content_part.done", **at, part=whole)
                item["content"] = [whole]
            case Call(name, pieces, id):
                item = {"id": f"fc_{index}", "type": "function_call", "call_id": id or f"call_{index}", "name": name}
                at = {"item_id": item["id"], "output_index": index}
                started = {**item, "arguments": "", "status": "in_progress"}
                yield self._event("response.output_item.added", output_index=index, item=started)
                pieces = pieces or ("{}",)
                for piece in pieces:
                    yield self._event("response.function_call_arguments.delta", **at, delta=piece)
                item = {**item, "arguments": "".join(pieces), "status": "completed"}
                yield self._event("response.function_call_arguments.done", **at, arguments=item["arguments"])
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _start(self) -> bytes:
        started = {**_RESPONSE, "status": "in_progress", "output": [], "usage": None}
        return self._event("response.created", response=started) + self._event("response.in_progress", response=started)

    def _message_added(self, index: int) -> bytes:
        item = {"id": f"msg_{index}", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        part = {"type": "output_text", "text": "", "annotations": []}
        return self._event("response.output_item.added", output_index=index, item=item) + self._event(
            "response.content_part.added", item_id=item["id"], output_index=index, content_index=0, part=part
        )

    def _end(self, items: list[Any], finish: str) -> bytes:
        status, details = ("incomplete", {"reason": "max_output_tokens"}) if finish == "length" else ("completed", None)
        ended = {**_RESPONSE, "status": status, "incomplete_details": details, "output": items, "usage": _USAGE}
        return self._event(f"response.{status}", response=ended)

    def _event(self, kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(self._numbers), **fields}, kind)
