"""Images, documents and odd content of a Claude conversation as chat messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.dialects.openai_chat import OPENAI_CHAT
from providers.errors import UnsupportedRequest
from tests.claude.claude_blocks import Json, assistant, call_out, result, text, tool_out, use, user
from tests.claude.openai_chat import OPENAI, make_call, upstream_body

DEEPSEEK = "https://api.deepseek.com/v1"
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
PNG_OUT = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
HELLO = user("Hello")
HELLO_OUT: Json = {"role": "user", "content": "Hello"}
READING: list[Json] = [HELLO, assistant(use("t1"), use("t2", "Grep"))]
READING_OUT: list[Json] = [
    HELLO_OUT,
    {"role": "assistant", "content": None, "tool_calls": [call_out("t1"), call_out("t2", "Grep")]},
]

CASES: dict[str, tuple[list[Json], list[Json]]] = {
    "images of a result follow the results": (
        [*READING, user(result("t1", [text("a"), PNG]), result("t2"), text("Look"))],
        [
            *READING_OUT,
            tool_out("t1", "a\n\n(attached to the next message)"),
            tool_out("t2"),
            {"role": "user", "content": [text("Attached to the result of the tool call t1:"), PNG_OUT, text("Look")]},
        ],
    ),
    "images of a result get a message of their own": (
        [HELLO, assistant(use("t1")), user(result("t1", [PNG])), assistant(text("Red."))],
        [
            HELLO_OUT,
            {"role": "assistant", "content": None, "tool_calls": [call_out("t1")]},
            tool_out("t1", "(attached to the next message)"),
            {"role": "user", "content": [text("Attached to the result of the tool call t1:"), PNG_OUT]},
            {"role": "assistant", "content": "Red."},
        ],
    ),
    "images by address": (
        [user(text("See"), {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}})],
        [
            {
                "role": "user",
                "content": [text("See"), {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}],
            }
        ],
    ),
    "a PDF is a file": (
        [
            user(
                {
                    "type": "document",
                    "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                }
            )
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}
                ],
            }
        ],
    ),
    "a text document is text": (
        [user({"type": "document", "title": "T", "context": "C", "source": {"type": "text", "data": "words"}})],
        [{"role": "user", "content": "T\nC\nwords"}],
    ),
    "a document of blocks": (
        [user({"type": "document", "source": {"type": "content", "content": [text("words"), PNG]}})],
        [{"role": "user", "content": [text("words"), PNG_OUT]}],
    ),
    "a search result is text": (
        [user({"type": "search_result", "title": "T", "source": "https://a.example", "content": [text("found")]})],
        [{"role": "user", "content": "T\nhttps://a.example\nfound"}],
    ),
}


@pytest.mark.parametrize(("messages", "out"), CASES.values(), ids=CASES)
def test_media(messages: list[Json], out: list[Json]) -> None:
    assert upstream_body({"messages": messages}, capabilities=["prefill"])["messages"] == out


@pytest.mark.parametrize(
    ("block", "url", "word"),
    [
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, OPENAI, "file id"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, OPENAI, "file id"),
        ({"type": "image"}, OPENAI, "no source"),
        ({"type": "image", "source": {"type": "base64"}}, OPENAI, "no data"),
        ({"type": "image", "source": {"type": "url", "url": 3}}, OPENAI, "no url"),
        ({"type": "image", "source": {"type": ["odd"]}}, OPENAI, "unknown type"),
        ({"type": "document", "source": {"type": "base64", "data": "JVBE"}}, DEEPSEEK, "PDF"),
        ({"type": "document", "source": {"type": "url", "url": "https://a.example/a.pdf"}}, OPENAI, "address"),
    ],
)
def test_media_that_cannot_be_sent_are_refused(block: Json, url: str, word: str) -> None:
    with pytest.raises(UnsupportedRequest) as refused:
        upstream_body({"messages": [user(block)]}, url=url)
    assert word in refused.value.message


@pytest.mark.parametrize(
    "messages", [None, "x", {}, ["x"], [{"content": "x"}], [{"role": "tool"}], [{"role": ["user"]}]]
)
def test_what_are_no_messages_is_refused(messages: Any) -> None:
    with pytest.raises(UnsupportedRequest):
        OPENAI_CHAT.request(make_call({"messages": messages}))


@pytest.mark.parametrize("role", ["user", "assistant", "system"])
@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        [None, 3, [], "x"],
        {"type": "text", "text": "one block"},
        [{}],
        [{"type": None}],
        [{"type": ["odd"]}],
        [{"type": "text"}],
        [{"type": "text", "text": 5}],
        [{"type": "thinking"}, {"type": "thinking", "thinking": 3}],
        [
            {"type": "tool_use"},
            {"type": "tool_use", "name": "f"},
            {"type": "tool_use", "name": "f", "id": 3, "input": "x"},
        ],
        [{"type": "tool_result"}, {"type": "tool_result", "tool_use_id": 3, "content": {"type": "text", "text": "x"}}],
        [{"type": "document"} | {"source": {"type": "text", "data": 3}}],
        [{"type": "search_result", "content": 3}, {"type": "tool_reference", "tool_name": 3}],
    ],
)
def test_odd_content_is_survived(role: str, content: Any) -> None:
    request = OPENAI_CHAT.request(make_call({"messages": [HELLO, {"role": role, "content": content}]}))
    assert msgspec.json.decode(request.body)["messages"][0] == HELLO_OUT
