"""What was translated once and is sent again is the same as if it were translated anew, to the byte."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.claude.signatures import origin_of
from providers.claude.turns import turns
from providers.dialects.contract import Call
from providers.dialects.openai_chat.conversation import chat_messages
from providers.dialects.openai_chat.messages import Writer
from providers.dialects.openai_chat.profiles import choices, profile_of
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.dialects.openai_chat.signatures import signature_of
from providers.errors import UnsupportedRequest
from providers.fidelity import Notes
from tests.claude.openai_chat import at, make_call

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
FILE = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
MARK = st.sampled_from([{}, {}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}])
IDS = st.sampled_from(["toolu_1", "toolu_2", "toolu_3", "toolu_1_2", "functions.Bash:0", "x" * 50, ""])
TEXTS = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, st.sampled_from(["", "a", "é"]), MARK)
CALLS = st.builds(
    lambda call_id, name, given: {"type": "tool_use", "id": call_id, "name": name, "input": given},
    IDS,
    st.sampled_from(["Bash", "n" * 80, ""]),
    st.sampled_from([{}, {"b": 1.0, "a": [10**30, -0.0]}, None]),
)
INNER = st.lists(st.one_of(TEXTS, st.sampled_from([IMAGE, FILE, {"type": "tool_reference", "tool_name": "T"}])))
RESULTS = st.builds(
    lambda call_id, content, is_error, mark: {
        "type": "tool_result",
        "tool_use_id": call_id,
        "content": content,
        "is_error": is_error,
        **mark,
    },
    IDS,
    st.one_of(st.sampled_from(["", "out"]), INNER),
    st.booleans(),
    MARK,
)
THOUGHTS = st.sampled_from(
    [{"type": "thinking", "thinking": "hm", "signature": signature} for signature in ("", "other", "OWN")]
)
CONTENT = st.one_of(
    st.sampled_from(["", "said"]),
    st.lists(st.one_of(TEXTS, CALLS, CALLS, RESULTS, RESULTS, THOUGHTS, st.just(IMAGE)), max_size=4),
)
ROLES = st.sampled_from(["user", "user", "assistant", "assistant", "system"])
MESSAGES = st.lists(st.fixed_dictionaries({"role": ROLES, "content": CONTENT}), max_size=9)


def named(profile: str) -> Profile:
    return profile_of(make_call(**at(profile)).provider)


PROFILES = st.sampled_from([name for name, _ in choices() if name])


def plainly(call: Call, profile: str, notes: Notes) -> list[Any]:
    origin = origin_of(call.provider, call.model)
    writer = Writer(named(profile), call.model.name, origin, notes)
    writer.turns(turns(call.body["messages"], notes))
    writer.flush()
    return writer.messages


def sent(messages: Any, notes: Notes) -> tuple[bytes, list[str], dict[str, list[str]]]:
    return msgspec.json.encode(messages()), list(notes), notes.paths


def outcome(messages: Any, notes: Notes) -> Any:
    try:
        return sent(messages, notes)
    except UnsupportedRequest as error:
        return str(error), list(notes)


def called(call_id: str, *content: Any) -> list[dict[str, Any]]:
    """A call and its result."""
    call = {"type": "tool_use", "id": call_id, "name": "Bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": call_id, "content": list(content)}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


TEXT = {"type": "text", "text": "a"}
ANSWERED = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
ASKED = [{"role": "user", "content": "c"}]
NOTHING = [{"role": "assistant", "content": ""}, *ASKED]


@example([*called("toolu_1", TEXT), *called("toolu_1", TEXT), *ANSWERED], "openai", "m")
@example([*called("toolu_1", IMAGE), *called("toolu_2", TEXT), *ANSWERED], "openai", "m")
@example([*called("toolu_1", IMAGE), *NOTHING, *ANSWERED], "openai", "m")
@example(
    [*ANSWERED, *ASKED, *NOTHING, *NOTHING, *ANSWERED],
    next(name for name, _ in choices() if name and named(name).merges_users),
    "m",
)
@given(MESSAGES, PROFILES, st.sampled_from(["deepseek-chat", "anthropic/claude-sonnet-4", "kimi-k2-thinking"]))
def test_what_is_sent_again_is_what_would_be_translated(
    messages: list[dict[str, Any]], profile: str, model: str
) -> None:
    origin = origin_of(make_call(model=model).provider, make_call(model=model).model)
    own = msgspec.json.decode(msgspec.json.encode(messages).replace(b'"OWN"', b'"%b"' % signature_of(origin).encode()))
    body = {"messages": own}
    expected_notes = Notes()
    expected = outcome(
        lambda: plainly(make_call(body, model=model, **at(profile)), profile, expected_notes), expected_notes
    )
    for _ in range(2):
        call = make_call(body, model=model, **at(profile))
        assert outcome(lambda call=call: chat_messages(call, named(profile)), call.notes) == expected


@pytest.mark.parametrize("size", [10, 70_000])
def test_a_conversation_that_goes_on_begins_with_the_same_bytes(size: int) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    before = b""
    for number in range(4):
        body = msgspec.json.encode(chat_messages(make_call({"messages": messages}), named("openai")))
        assert body.startswith(before.removesuffix(b"]"))
        before = body
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": "x" * size}
        messages = [*messages, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
