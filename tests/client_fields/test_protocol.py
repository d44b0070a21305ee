"""Claude's own API: tomorrow's names reach Anthropic; what costs more or is the account's needs a row priced for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client_fields.servers import added, candidate, send

BETA = "anthropic-beta"
FILE = {"type": "document", "source": {"type": "file", "file_id": "file_of_another"}}
UPLOAD = {"type": "container_upload", "file_id": "file_of_another"}
LEFT_OUT = {"type": "text", "text": "(A file of the provider's account stood here: it was left out.)"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-dear"}
TOOLSET = {"type": "mcp_toolset", "mcp_server_name": "theirs"}
OWN_TOOL = {"name": "Read", "input_schema": {"type": "object"}}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, *blocks]}]}


def test_tomorrows_field_block_and_beta_reach_anthropic_as_they_came() -> None:
    block = {"type": "hologram", "source": {"type": "beam", "beam": [1, 2]}, "fresh": {"a": None}}
    tool = {"type": "telescope_20290101", "name": "telescope", "aperture": 8}
    request = {"temporal_mode": {"past": True, "Past": 1}, "quota_hint": 3, "tools": [tool], **user(block)}
    sent = send(candidate("anthropic"), request, {BETA: "holograms-2029-01-01,telescope-2029-01-01"})
    assert sent.headers[BETA] == "holograms-2029-01-01,telescope-2029-01-01"
    assert sent.body == {"model": "a-model", "max_tokens": 100, "stream": True, **request}
    assert sent.notes == []


@pytest.mark.parametrize("name", ["MODEL", "Model", "max_Tokens", "ſtream", "meſſages", "Fallbacks", "SPEED"])
def test_a_known_name_in_other_capitals_reaches_nobody(name: str) -> None:
    for server in ("anthropic", "other", "vertex", "bedrock"):
        sent = send(candidate(server, priced_for=("speed",)), {name: "x"})
        assert (added(server, sent), sent.notes) == ({}, ["client_field_dropped"])


def test_other_claude_servers_get_the_protocols_names_and_the_list() -> None:
    request = {"context_management": {"edits": []}, "metadata": {"user_id": "u"}, "temporal_mode": 1, "top_a": 0.2}
    sent = send(candidate("other", "top_a"), request, {BETA: "holograms-2029-01-01"})
    assert added("other", sent) == {name: value for name, value in request.items() if name != "temporal_mode"}
    assert (sent.headers[BETA], sent.notes) == ("holograms-2029-01-01", ["client_field_dropped"])


@pytest.mark.parametrize("server", ["other", "vertex", "bedrock"])
def test_betas_are_read_from_the_header_alone(server: str) -> None:
    sent = send(candidate(server), {"anthropic_beta": ["fast-mode-2026-02-01"], "betas": ["files-api-2025-04-14"]})
    assert (added(server, sent), sent.notes) == ({}, ["client_field_dropped"])


PRICED = [
    ("fallbacks", {"fallbacks": [{"model": "claude-dear"}]}),
    ("fallbacks", {"fallbacks": [{"model": "claude-dear", "thinking": {"type": "disabled"}}]}),
    ("fallbacks", {"fallback_credit_token": "t"}),
    ("speed", {"speed": "fast"}),
    ("service_tier", {"service_tier": "priority"}),
    ("inference_geo", {"inference_geo": "us"}),
    ("container", {"container": "container_of_another"}),
    ("container", {"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}),
    ("mcp_servers", {"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "theirs"}]}),
    ("billing_policy", {"billing_policy": "x"}),
    ("thread", {"thread": {"id": "thread_of_another"}}),
]


@pytest.mark.parametrize("server", ["anthropic", "other"])
@pytest.mark.parametrize(("name", "field"), PRICED, ids=[str(field) for _, field in PRICED])
def test_what_costs_more_or_is_the_accounts_needs_a_row_priced_for_it(
    name: str, field: dict[str, Any], server: str
) -> None:
    sent = send(candidate(server), field)
    assert (added(server, sent), sent.notes) == ({}, ["unpriced_dropped"])
    sent = send(candidate(server, priced_for=(name,), peers=frozenset({"claude-dear"})), field)
    assert (added(server, sent), sent.notes) == (field, [])


@pytest.mark.parametrize("name", ["workspace_id", "user_profile_id"])
def test_the_callers_own_account_is_never_the_providers(name: str) -> None:
    sent = send(candidate("anthropic", priced_for=("thread", "container")), {name: "x"})
    assert (added("anthropic", sent), sent.notes) == ({}, ["unpriced_dropped"])


@pytest.mark.parametrize(
    "field",
    [
        {"speed": "standard"},
        {"service_tier": "auto"},
        {"service_tier": "standard_only"},
        {"mcp_servers": []},
        {"container": None},
        {"fallbacks": []},
    ],
    ids=str,
)
def test_what_costs_what_any_request_costs_passes(field: dict[str, Any]) -> None:
    sent = send(candidate("anthropic"), field)
    assert (added("anthropic", sent), sent.notes) == (field, [])


@pytest.mark.parametrize(
    "fallbacks",
    [
        "default",
        [{"model": "claude-other"}],
        [{"model": "claude-dear"}, {"model": "claude-other"}],
        [{"model": "claude-dear", "max_tokens": 99999}],
        [{"model": "claude-dear", "speed": "fast"}],
        [{}],
        ["claude-dear"],
        {"model": "claude-dear"},
        [{"model": ["claude-dear"]}],
    ],
    ids=str,
)
def test_fallbacks_are_models_of_the_provider_at_the_same_prices_and_nothing_more(fallbacks: Any) -> None:
    to = candidate("anthropic", priced_for=("fallbacks",), peers=frozenset({"claude-dear"}))
    sent = send(to, {"fallbacks": fallbacks})
    assert (added("anthropic", sent), sent.notes) == ({}, ["unpriced_dropped"])


@pytest.mark.parametrize(("allowed", "passes"), [("", True), ("mine:*", True), ("mine:a-model\nother", False)])
def test_a_fallback_is_on_the_keys_allow_list(allowed: str, passes: bool) -> None:
    to = candidate("anthropic", priced_for=("fallbacks", "advisor"), peers=frozenset({"claude-dear"}))
    request = {"fallbacks": [{"model": "claude-dear"}], "tools": [OWN_TOOL, ADVISOR]}
    sent = send(to, request, allowed=allowed)
    assert added("anthropic", sent) == (request if passes else {"tools": [OWN_TOOL]})
    assert sent.notes == ([] if passes else ["unpriced_dropped"])


@pytest.mark.parametrize(
    ("beta", "priced_for"),
    [
        ("fast-mode-2026-02-01", "speed"),
        ("Fast-Mode-2026-02-01", "speed"),
        ("server-side-fallback-2026-06-01", "fallbacks"),
        ("fallback-credit-2026-06-01", "fallbacks"),
        ("files-api-2025-04-14", "files"),
        ("mcp-client-2025-11-20", "mcp_servers"),
        ("skills-2025-10-02", "container"),
        ("advisor-tool-2026-03-01", "advisor"),
    ],
)
def test_betas_of_these_go_with_them(beta: str, priced_for: str) -> None:
    asked = {BETA: f"new-2029-01-01, {beta}"}
    sent = send(candidate("anthropic"), {}, asked)
    assert (sent.headers[BETA], sent.notes) == ("new-2029-01-01", ["unpriced_dropped"])
    assert BETA not in send(candidate("anthropic"), {}, {BETA: beta}).headers
    for _ in range(2):
        # Each request has a header of its own, of the same text.
        asked = {BETA: f"new-2029-01-01, {beta}"}
        sent = send(candidate("anthropic", priced_for=(priced_for,)), {}, asked)
        assert (sent.headers[BETA], sent.notes) == (asked[BETA], [])


@pytest.mark.parametrize("block", [FILE, UPLOAD, {**FILE, "type": "image"}, {**FILE, "type": "hologram"}], ids=str)
@pytest.mark.parametrize("server", ["anthropic", "other"])
def test_a_file_of_the_account_is_named_only_where_the_row_holds_for_files(server: str, block: dict[str, Any]) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [block]}
    holder = {"type": "document", "source": {"type": "content", "content": [block]}}
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}]}
    messages = [{"role": "user", "content": [block, holder]}, call, {"role": "user", "content": [result]}]
    sent = send(candidate(server), {"messages": messages})
    assert sent.body["messages"] == [
        {"role": "user", "content": [LEFT_OUT, {**holder, "source": {"type": "content", "content": [LEFT_OUT]}}]},
        call,
        {"role": "user", "content": [{**result, "content": [LEFT_OUT]}]},
    ]
    assert sent.notes == ["unpriced_dropped"]
    sent = send(candidate(server, priced_for=("files",)), {"messages": messages})
    assert (sent.body["messages"], sent.notes) == (messages, [])


@pytest.mark.parametrize(("tool", "needed"), [(ADVISOR, "advisor"), (TOOLSET, "mcp_servers")])
def test_a_tool_that_names_a_model_or_a_server_goes_with_it(tool: dict[str, Any], needed: str) -> None:
    choice = {"tool_choice": {"type": "auto"}}
    sent = send(candidate("anthropic"), {"tools": [OWN_TOOL, tool], **choice})
    assert (sent.body["tools"], sent.body["tool_choice"]) == ([OWN_TOOL], choice["tool_choice"])
    assert sent.notes == ["unpriced_dropped"]
    sent = send(candidate("anthropic"), {"tools": [tool], **choice})
    assert not {"tools", "tool_choice"} & sent.body.keys()
    to = candidate("anthropic", priced_for=(needed,), peers=frozenset({"claude-dear"}))
    sent = send(to, {"tools": [OWN_TOOL, tool]})
    assert (sent.body["tools"], sent.notes) == ([OWN_TOOL, tool], [])


def test_a_tool_with_a_model_is_not_added_on_the_way_either() -> None:
    addition = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": ADVISOR}}
    harmless = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Read"}}
    messages = [{"role": "user", "content": "Hi"}, {"role": "system", "content": [addition, harmless]}]
    sent = send(candidate("anthropic", name="claude-opus-4-8"), {"messages": messages, "tools": [OWN_TOOL]})
    (_, changed) = sent.body["messages"]
    assert changed["content"][1] == harmless
    assert (changed["content"][0]["type"], sent.notes) == ("text", ["unpriced_dropped"])


def test_a_users_own_data_is_not_looked_into() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_id": "f", "model": "m"}}
    schema = {"type": "object", "properties": {"model": {"type": "string"}, "file_id": {"type": "string"}}}
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [call]}]
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "file_id"}]}
    request = {"messages": [*history, result], "tools": [{"name": "Read", "input_schema": schema}]}
    sent = send(candidate("anthropic"), request)
    assert (added("anthropic", sent), sent.notes) == (request, [])
