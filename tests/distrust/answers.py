"""Answers of a provider whose counts a test chooses, in every dialect: as a stream, and as one document.

Counts are JSON texts, so that they may be anything; None leaves the count out.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.harness.script import Reply

TEXT = "Nobody has counted this answer, so it is counted by whoever passes it on."
"""What all answers say: a token for each four characters are 19."""
TEXT_TOKENS = -(-len(TEXT) // 4)
ABSURD = [
    *("0", "-5", "-100000000000000000000000000", "100000000000000000000000000", "1e308", "1000000000", "2.5"),
    *('"12"', "true", "[7]", '{"of": 7}'),
]
"""What is no count of such an answer, at a model with a window of 1,000 tokens."""

_JSON = {"content-type": "application/json"}


def counted(**counts: str | None) -> str:
    """A JSON object of those counts that there are."""
    known = ", ".join(f'"{name}": {count}' for name, count in counts.items() if count is not None)
    return f"{{{known}}}"


def _events(*documents: str) -> bytes:
    return "".join(f"data: {document}\n\n" for document in documents).encode()


def _claude(prompt: str | None, output: str | None, document: bool) -> Reply:
    usage = counted(input_tokens=prompt, output_tokens=output if document else "1")
    message = '"id": "msg_up", "type": "message", "role": "assistant", "model": "up", "usage": ' + usage
    text = json.dumps(TEXT)
    if document:
        ends = '"stop_reason": "end_turn", "stop_sequence": null'
        return Reply(
            [f'{{{message}, "content": [{{"type": "text", "text": {text}}}], {ends}}}'.encode()], headers=_JSON
        )
    ended = counted(output_tokens=output)
    return Reply(
        [
            _events(
                f'{{"type": "message_start", "message": {{{message}, "content": [], "stop_reason": null}}}}',
                '{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}',
                '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":' + text + "}}",
                '{"type": "content_block_stop", "index": 0}',
                '{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ' + ended + "}",
                '{"type": "message_stop"}',
            )
        ]
    )


def _chat(prompt: str | None, output: str | None, document: bool) -> Reply:
    usage = counted(prompt_tokens=prompt, completion_tokens=output)
    about = '"id": "up", "model": "up"'
    choice = '"index": 0, "%s": {"role": "assistant", "content": %s}, "finish_reason": %s'
    if document:
        whole = choice % ("message", json.dumps(TEXT), '"stop"')
        return Reply([f'{{{about}, "choices": [{{{whole}}}], "usage": {usage}}}'.encode()], headers=_JSON)
    chunk = choice % ("delta", json.dumps(TEXT), "null")
    end = '"index": 0, "delta": {}, "finish_reason": "stop"'
    return Reply(
        [
            _events(
                f'{{{about}, "choices": [{{{chunk}}}]}}',
                f'{{{about}, "choices": [{{{end}}}]}}',
                f'{{{about}, "choices": [], "usage": {usage}}}',
                "[DONE]",
            )
        ]
    )


def _responses(prompt: str | None, output: str | None, document: bool) -> Reply:
    usage = counted(input_tokens=prompt, output_tokens=output)
    content = f'{{"type": "output_text", "text": {json.dumps(TEXT)}}}'
    item = f'{{"id": "msg_0", "type": "message", "role": "assistant", "content": [{content}]}}'
    about = '"id": "resp_up", "object": "response", "model": "up"'
    response = f'{{{about}, "status": "completed", "output": [{item}], "usage": {usage}}}'
    if document:
        return Reply([response.encode()], headers=_JSON)
    at = '"item_id": "msg_0", "output_index": 0, "content_index": 0'
    return Reply(
        [
            _events(
                f'{{"type": "response.created", "response": {{{about}, "status": "in_progress", "output": []}}}}',
                f'{{"type": "response.output_text.delta", {at}, "delta": {json.dumps(TEXT)}}}',
                f'{{"type": "response.completed", "response": {response}}}',
            )
        ]
    )


def _gemini(prompt: str | None, output: str | None, document: bool) -> Reply:
    usage = counted(promptTokenCount=prompt, candidatesTokenCount=output)
    about = '"modelVersion": "up", "responseId": "up"'
    content = f'"content": {{"role": "model", "parts": [{{"text": {json.dumps(TEXT)}}}]}}'
    end = '"finishReason": "STOP", "index": 0'
    if document:
        return Reply(
            [f'[{{"candidates": [{{{content}, {end}}}], "usageMetadata": {usage}, {about}}}]'.encode()], headers=_JSON
        )
    return Reply(
        [
            _events(
                f'{{"candidates": [{{{content}}}], "usageMetadata": {{"trafficType": "ON_DEMAND"}}, {about}}}',
                f'{{"candidates": [{{{end}}}], "usageMetadata": {usage}, {about}}}',
            )
        ]
    )


def _ollama(prompt: str | None, output: str | None, document: bool) -> Reply:
    end = '"done": true, "done_reason": "stop"'
    counts = counted(prompt_eval_count=prompt, eval_count=output)[1:-1]
    last = f"{end}, {counts}" if counts else end
    message = f'"message": {{"role": "assistant", "content": {json.dumps(TEXT)}}}'
    lines = [f'{{"model": "up", {message}, {last}}}'] if document else [
        f'{{"model": "up", {message}, "done": false}}',
        f'{{"model": "up", "message": {{"role": "assistant", "content": ""}}, {last}}}',
    ]  # fmt: skip
    return Reply(["".join(f"{line}\n" for line in lines).encode()], headers={"content-type": "application/x-ndjson"})


ANSWERS: dict[str, Callable[[str | None, str | None, bool], Reply]] = {
    "anthropic": _claude,
    "openai_chat": _chat,
    "openai_responses": _responses,
    "gemini": _gemini,
    "ollama": _ollama,
}
"""By dialect: the answer with these counts of the prompt and of the output; as a document, or as a stream."""
