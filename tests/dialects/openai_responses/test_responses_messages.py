"""A Claude conversation as the Responses API's input items, and what is noted of it."""

from __future__ import annotations

from typing import Any

import pytest

from providers.errors import UnsupportedRequest
from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.wire import make_call, sent_body

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw"}}
PNG_OUT = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw"}
PDF = {
    "type": "document",
    "title": "a.pdf",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "JV"},
}
PDF_OUT = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JV"}


def ask(*messages: Json) -> tuple[list[Json], list[str]]:
    """The input items of a conversation, and what was noted."""
    call = make_call("openai_responses", {"messages": list(messages)}, capabilities=["prefill"])
    items: list[Json] = sent_body(call)["input"]
    return items, list(call.notes)


def items_of(role: str, *texts: str) -> Json:
    """A message as it goes out."""
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": words} for words in texts]}


def called(call_id: str, arguments: str = "{}", name: str = "Read") -> Json:
    """A call as it goes out."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def answered(call_id: str, output: Any = "ok") -> Json:
    """A result as it goes out."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


@pytest.mark.parametrize(
    ("messages", "items", "notes"),
    [
        pytest.param([user("Hi")], [items_of("user", "Hi")], [], id="a string"),
        pytest.param([user(text("A"), text("B"))], [items_of("user", "A", "B")], [], id="blocks"),
        pytest.param(
            [user("Hi"), {"role": "system", "content": "Mind."}, assistant(text("Yes"))],
            [items_of("user", "Hi"), items_of("developer", "Mind."), items_of("assistant", "Yes")],
            [],
            id="a system message stays where it is",
        ),
        pytest.param(
            [user("Hi"), assistant(text("A"), use("c1", path="a", limit=2), use("c2"), text("B"))],
            [
                items_of("user", "Hi"),
                items_of("assistant", "A"),
                called("c1", '{"path":"a","limit":2}'),
                called("c2"),
                items_of("assistant", "B"),
                answered("c1", "(no result)"),
                answered("c2", "(no result)"),
            ],
            ["result_made_up"],
            id="calls between text, without results",
        ),
        pytest.param(
            [assistant(use("c1"), use("c2")), user(result("c2", "two"), text("Go on"), result("c1", [text("one")]))],
            [called("c1"), called("c2"), answered("c1", "one"), answered("c2", "two"), items_of("user", "Go on")],
            [],
            id="results in any order",
        ),
        pytest.param(
            [assistant(use("c1")), user(result("c1", [text("See:"), PNG]))],
            [called("c1"), answered("c1", [{"type": "input_text", "text": "See:"}, PNG_OUT])],
            [],
            id="an image in a result",
        ),
        pytest.param(
            [assistant(use("c1")), user(result("c1", "no such file", is_error=True))],
            [called("c1"), answered("c1", "Error: no such file")],
            ["result_error_worded"],
            id="a failed tool",
        ),
        pytest.param(
            [assistant(use("c1")), user(result("c1", [PNG], is_error=True))],
            [called("c1"), answered("c1", [{"type": "input_text", "text": "Error:"}, PNG_OUT])],
            ["result_error_worded"],
            id="a failed tool with an image",
        ),
        pytest.param(
            [assistant(use("c1")), user(result("c1", "Error: gone", is_error=True))],
            [called("c1"), answered("c1", "Error: gone")],
            ["result_error_worded"],
            id="a failed tool that says so itself",
        ),
        pytest.param(
            [assistant(use("c1")), user(result("c1", ""))],
            [called("c1"), answered("c1", "(no output)")],
            [],
            id="silence",
        ),
        pytest.param(
            [user(result("c9", "late"))],
            [items_of("user", "(The result of a tool call that is not in this conversation:)", "late")],
            ["result_orphaned"],
            id="a result without its call",
        ),
        pytest.param(
            [user(text("Look"), PNG, PDF)],
            [{**items_of("user", "Look"), "content": [{"type": "input_text", "text": "Look"}, PNG_OUT, PDF_OUT]}],
            [],
            id="an image and a document",
        ),
        pytest.param(
            [
                user(
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
                )
            ],
            [
                {
                    **items_of("user"),
                    "content": [
                        {"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png"},
                        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                    ],
                }
            ],
            [],
            id="media by their address",
        ),
        pytest.param(
            [user({"type": "document", "title": "T", "source": {"type": "text", "data": "Words"}})],
            [items_of("user", "T\nWords")],
            ["document_as_text"],
            id="a document of text",
        ),
        pytest.param(
            [assistant({"type": "thinking", "thinking": "Hm", "signature": "by-claude"}, text("A"))],
            [items_of("assistant", "A")],
            ["thinking_dropped"],
            id="Claude's thinking",
        ),
        pytest.param(
            [assistant({"type": "redacted_thinking", "data": "x"}, text("A"))],
            [items_of("assistant", "A")],
            ["thinking_dropped"],
            id="redacted thinking",
        ),
        pytest.param(
            [assistant(use("c1")), user(result("c1", [{"type": "tool_reference", "tool_name": "Grep"}]))],
            [called("c1"), answered("c1", "Loaded tool Grep")],
            ["tool_reference_as_text"],
            id="a loaded tool",
        ),
    ],
)
def test_a_conversation(messages: list[Json], items: list[Json], notes: list[str]) -> None:
    assert ask(*messages) == (items, notes)


def test_a_long_call_id_goes_out_cut_in_call_and_result() -> None:
    (call, output), notes = ask(assistant(use("toolu_" + "x" * 90)), user(result("toolu_" + "x" * 90)))
    assert len(call["call_id"]) <= 64
    assert output["call_id"] == call["call_id"]
    assert notes == ["call_id_changed"]


def test_a_file_at_anthropic_cannot_be_sent() -> None:
    with pytest.raises(UnsupportedRequest):
        ask(user({"type": "image", "source": {"type": "file", "file_id": "file_1"}}))
