"""A Claude conversation as Gemini's contents: roles in turns, results before all else, media inline, and the notes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.errors import UnsupportedRequest
from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.wire import make_call, sent_body

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1n"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "cGRm"}}
PNG_PART = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}
PDF_PART = {"inlineData": {"mimeType": "application/pdf", "data": "cGRm"}}


def sent(*messages: Json, model: str = "gemini-2.5-flash") -> tuple[list[Any], list[str]]:
    """The contents as (role, parts), and the notes."""
    call = make_call("gemini", {"messages": list(messages)}, model=model)
    contents = [(content["role"], content["parts"]) for content in sent_body(call)["contents"]]
    return contents, list(call.notes)


def called(name: str = "Read", **arguments: Any) -> Json:
    return {"functionCall": {"name": name, "args": arguments}}


def returned(model_parts: str = "ok", name: str = "Read", kind: str = "result") -> Json:
    return {"functionResponse": {"name": name, "response": {kind: model_parts}}}


def system(*blocks: Json) -> Json:
    return {"role": "system", "content": list(blocks)}


@pytest.mark.parametrize(
    ("messages", "contents", "notes"),
    [
        ([user("Hi")], [("user", [{"text": "Hi"}])], []),
        ([user(text("a"), text("b"))], [("user", [{"text": "a"}, {"text": "b"}])], []),
        ([user("a"), user("b")], [("user", [{"text": "a"}, {"text": "b"}])], []),
        (
            [user("a"), system(text("Be brief."), text("And kind.")), user("b")],
            [
                (
                    "user",
                    [
                        {"text": "a"},
                        {"text": "<system-reminder>\nBe brief.\n\nAnd kind.\n</system-reminder>"},
                        {"text": "b"},
                    ],
                )
            ],
            ["system_restated"],
        ),
        (
            [user("a"), assistant(text("b")), assistant(text("c")), user("d")],
            [("user", [{"text": "a"}]), ("model", [{"text": "b"}, {"text": "c"}]), ("user", [{"text": "d"}])],
            [],
        ),
        (
            [user("a"), assistant(text("I read."), use("1", path="x"), use("2", path="y")), user(result("1"))],
            [
                ("user", [{"text": "a"}]),
                ("model", [{"text": "I read."}, called(path="x"), called(path="y")]),
                ("user", [returned(), returned("(no result)")]),
            ],
            ["result_made_up"],
        ),
        (
            [
                user("a"),
                assistant(use("1"), use("2", "Now")),
                user(text("And?"), result("2", "two"), result("1", "one")),
            ],
            [
                ("user", [{"text": "a"}]),
                ("model", [called(), called("Now")]),
                ("user", [returned("one"), returned("two", "Now"), {"text": "And?"}]),
            ],
            [],
        ),
        (
            [user("a"), assistant(use("1")), user(result("1", "no such file", is_error=True))],
            [("user", [{"text": "a"}]), ("model", [called()]), ("user", [returned("no such file", kind="error")])],
            [],
        ),
        (
            [user("a"), assistant(use("1")), user(result("1", '{"a": [1]}'))],
            [("user", [{"text": "a"}]), ("model", [called()]), ("user", [returned('{"a": [1]}')])],
            [],
        ),
        ([user(PNG, text("What is it?"), PDF)], [("user", [PNG_PART, {"text": "What is it?"}, PDF_PART])], []),
        (
            [user("a"), assistant(use("1"), use("2")), user(result("1", [PNG]), result("2", [text("Two pages"), PDF]))],
            [
                ("user", [{"text": "a"}]),
                ("model", [called(), called()]),
                (
                    "user",
                    [
                        returned("(attached below)"),
                        returned("Two pages\n\n(attached below)"),
                        {"text": "Attached to the result of the tool Read:"},
                        PNG_PART,
                        {"text": "Attached to the result of the tool Read:"},
                        PDF_PART,
                    ],
                ),
            ],
            ["media_moved"],
        ),
        (
            [user({"type": "document", "title": "T", "source": {"type": "text", "data": "Once"}})],
            [("user", [{"text": "T\nOnce"}])],
            ["document_as_text"],
        ),
        (
            [user({"type": "image", "source": {"type": "url", "url": "data:image/png;base64,aW1n"}})],
            [("user", [PNG_PART])],
            [],
        ),
        (
            [user("a"), assistant({"type": "redacted_thinking", "data": "x"}), user("b")],
            [("user", [{"text": "a"}, {"text": "b"}])],
            ["thinking_dropped"],
        ),
        (
            [user("a"), assistant(use("1", "mcp/tool")), user(result("1"))],
            [
                ("user", [{"text": "a"}]),
                ("model", [called("mcp_tool_676dfaa1")]),
                ("user", [returned(name="mcp_tool_676dfaa1")]),
            ],
            ["tool_renamed"],
        ),
    ],
)
def test_what_is_sent_and_what_is_noted(messages: list[Json], contents: list[Any], notes: list[str]) -> None:
    assert sent(*messages) == (contents, notes)


def test_from_generation_3_calls_and_results_have_ids() -> None:
    contents, _ = sent(user("a"), assistant(use("one")), user(result("one")), model="gemini-3.8-flash")
    assert contents[1][1][0]["functionCall"] == {"id": "one", "name": "Read", "args": {}}
    assert contents[2][1][0]["functionResponse"] == {"id": "one", "name": "Read", "response": {"result": "ok"}}


@pytest.mark.parametrize(
    "source",
    [
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "url", "url": "data:image/png,raw"},
        {"type": "file", "file_id": "file_1"},
    ],
)
def test_media_that_gemini_cannot_be_given_are_refused_with_a_remedy(source: Json) -> None:
    with pytest.raises(UnsupportedRequest) as refused:
        sent(user({"type": "image", "source": source}))
    assert "base64" in refused.value.message


def test_media_are_not_changed_on_the_way() -> None:
    data = base64.b64encode(bytes(range(256))).decode()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": data}}
    assert sent(user(image))[0] == [("user", [{"inlineData": {"mimeType": "image/webp", "data": data}}])]


def test_the_system_prompt_without_the_billing_header() -> None:
    billing = text("x-anthropic-billing-header: cc_version=2.1.330.abc;")
    call = make_call("gemini", {"system": [billing, text("Be kind."), text("Be brief.")], "messages": [user("Hi")]})
    assert sent_body(call)["systemInstruction"] == {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]}
    assert list(call.notes) == ["billing_header_dropped"]
