"""A Claude conversation in Ollama's messages, and that a longer one begins with the bytes of the shorter."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity
from tests.claude.claude_blocks import BILLING_TEXT, MARK, Json, assistant, result, text, use, user
from tests.claude.wire import make_call, sent, sent_body


def written(*messages: Json, thinks: bool = False, **body: Any) -> tuple[list[Json], set[str]]:
    """The messages that go out, and the codes noted."""
    call = make_call("ollama", {"messages": list(messages), **body}, capabilities=["thinking"] if thinks else [])
    out: list[Json] = sent_body(call)["messages"]
    return out, set(call.notes)


def image(data: str = "aW1n", **source: Any) -> Json:
    """An image block."""
    return {"type": "image", "source": source or {"type": "base64", "media_type": "image/png", "data": data}}


def document(**source: Any) -> Json:
    """A document block."""
    return {"type": "document", "source": source, "title": "T"}


def tool(content: str, name: str = "Read", call_id: str = "t1") -> Json:
    """A tool message."""
    return {"role": "tool", "tool_name": name, "tool_call_id": call_id, "content": content}


def call(call_id: str = "t1", name: str = "Read", **arguments: Any) -> Json:
    """A call as it goes out."""
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


def test_system_blocks_are_one_message_without_the_billing_line() -> None:
    out, codes = written(user("Hi"), system=[text(BILLING_TEXT), text("One."), text("Two.")])
    assert out == [{"role": "system", "content": "One.\n\nTwo."}, {"role": "user", "content": "Hi"}]
    assert codes == {Fidelity.BILLING_HEADER_DROPPED}


def test_a_system_message_in_the_middle_stays_there() -> None:
    out, codes = written(user("Hi"), {"role": "system", "content": "Now: brief."}, user("Go"))
    assert [message["role"] for message in out] == ["user", "system", "user"]
    assert codes == set()


def test_calls_and_results_in_the_order_of_the_calls() -> None:
    out, codes = written(
        assistant(text("Two."), use("t1", file="a", limit=1), use("t2", "Bash", command="ls")),
        user(result("t2", "listing"), text("And?"), result("t1", [text("one"), text("two")])),
    )
    assert out == [
        {
            "role": "assistant",
            "content": "Two.",
            "tool_calls": [call("t1", file="a", limit=1), call("t2", "Bash", command="ls")],
        },
        tool("one\n\ntwo"),
        tool("listing", "Bash", "t2"),
        {"role": "user", "content": "And?"},
    ]
    assert codes == set()


@pytest.mark.parametrize(
    ("messages", "expected", "codes"),
    [
        (
            [assistant(use("t1")), user(result("t1", "no such file", is_error=True))],
            tool("Error: no such file"),
            {Fidelity.RESULT_ERROR_WORDED},
        ),
        (
            [assistant(use("t1")), user(result("t1", "Error: gone", is_error=True))],
            tool("Error: gone"),
            {Fidelity.RESULT_ERROR_WORDED},
        ),
        ([assistant(use("t1")), user(result("t1", []))], tool("(no output)"), set()),
        ([assistant(use("t1")), user("Never mind")], tool("(no result)"), {Fidelity.RESULT_MADE_UP}),
    ],
)
def test_results(messages: list[Json], expected: Json, codes: set[str]) -> None:
    out, noted = written(*messages)
    assert out[1] == expected
    assert noted == codes


def test_images_go_beside_the_text() -> None:
    data_url = image(type="url", url="data:image/jpeg;base64,anBn")
    out, codes = written(user(text("Look:"), image(), text("and"), data_url))
    assert out == [{"role": "user", "content": "Look:\n\nand", "images": ["aW1n", "anBn"]}]
    assert codes == set()


def test_images_of_tool_results_follow_in_a_user_message() -> None:
    out, codes = written(
        assistant(use("t1"), use("t2")),
        user(result("t1", [text("a chart"), image()]), result("t2", [image("Mg==")]), text("Compare.")),
        assistant(text("Done.")),
    )
    assert out[1:] == [
        tool("a chart\n\n(attached to the next message)"),
        tool("(attached to the next message)", call_id="t2"),
        {
            "role": "user",
            "content": "Attached to a result of the tool Read.\n\nAttached to a result of the tool Read.\n\nCompare.",
            "images": ["aW1n", "Mg=="],
        },
        {"role": "assistant", "content": "Done."},
    ]
    assert codes == {Fidelity.MEDIA_MOVED}


def test_text_documents_are_text_and_their_images_images() -> None:
    nested = document(type="content", content=[text("A page."), image()])
    out, codes = written(user(document(type="text", media_type="text/plain", data="The text."), nested))
    assert out == [{"role": "user", "content": "T\nThe text.\n\nT\nA page.", "images": ["aW1n"]}]
    assert codes == {Fidelity.DOCUMENT_AS_TEXT}


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (document(type="base64", media_type="application/pdf", data="JVBE"), "cannot read PDF documents"),
        (document(type="url", url="https://example.com/a.pdf"), "cannot read PDF documents"),
        (image(type="url", url="https://example.com/a.png"), "as base64 only"),
        (image(type="url", url="data:image/png,raw"), "as base64 only"),
        (image(type="file", file_id="f"), "file id"),
    ],
)
@pytest.mark.parametrize("within_result", [True, False])
def test_media_that_cannot_be_given_are_refused(block: Json, says: str, within_result: bool) -> None:
    messages = [assistant(use("t1")), user(result("t1", [block]))] if within_result else [user(block)]
    with pytest.raises(UnsupportedRequest) as caught:
        written(*messages)
    assert says in caught.value.message


OURS: Json = {"type": "thinking", "thinking": "Hm.", "signature": ""}
CLAUDES: Json = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
SEALED: Json = {"type": "redacted_thinking", "data": "x"}


@pytest.mark.parametrize(
    ("block", "thinks", "thinking", "codes"),
    [
        (OURS, True, "Hm.", set()),
        (OURS, False, None, {Fidelity.THINKING_DROPPED}),
        (CLAUDES, True, None, {Fidelity.THINKING_DROPPED}),
        (SEALED, True, None, {Fidelity.THINKING_DROPPED}),
    ],
)
def test_thinking_goes_back_to_models_that_think(
    block: Json, thinks: bool, thinking: str | None, codes: set[str]
) -> None:
    out, noted = written(user("Hi"), assistant(block, text("Yes.")), thinks=thinks)
    assert out[1].get("thinking") == thinking
    assert out[1]["content"] == "Yes."
    assert noted == codes


def test_an_answer_cut_in_blocks_is_one_text_again() -> None:
    out, _ = written(assistant(text("One "), use("t1"), text("two.")), user(result("t1")))
    assert out[0]["content"] == "One two."


TOOLS = [{"name": "Read", "input_schema": {"type": "object", "properties": {"b": {}, "a": {}}}}]
TURNS = [
    user(text("Start", **MARK)),
    {"role": "system", "content": [text("In the project.", **MARK)]},
    assistant(CLAUDES, text("I look."), use("t1", b=1, a=2), use("t2", z="é")),
    user(result("t2", [text("two"), image()]), result("t1", "one", **MARK)),
    assistant(OURS, text("Next."), use("t3")),
    user(result("t3", "three"), text("Go on.", **MARK)),
]


@pytest.mark.parametrize("thinks", [True, False])
def test_a_longer_conversation_begins_with_the_bytes_of_the_shorter(thinks: bool) -> None:
    def body_of(count: int, build: str) -> bytes:
        body = {
            "system": [text(BILLING_TEXT.replace("abc", build)), text("You are an agent.")],
            "messages": copy.deepcopy(TURNS[:count]),
            "tools": copy.deepcopy(TOOLS),
            "max_tokens": 4096,
            "thinking": {"type": "adaptive"},
        }
        before = copy.deepcopy(body)
        call = make_call("ollama", body, capabilities=["thinking"] if thinks else [], context_window=65536)
        out = sent(call).body
        assert body == before
        return out

    shorter = [body_of(2, "d01"), body_of(4, "e02"), body_of(6, "f03")]
    for first, second in itertools.pairwise(shorter):
        assert second.startswith(first.removesuffix(b"]}"))
    assert body_of(4, "e02") == shorter[1]
