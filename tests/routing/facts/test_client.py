"""What rules and rows call a client: one reader of the user agent, so that they agree."""

from __future__ import annotations

import pytest

from routing.facts.client import identify_client
from routing.facts.request_facts import gather


@pytest.mark.parametrize(
    ("user_agent", "kind", "name", "version", "number"),
    [
        ("claude-cli/2.1.332 (external, cli)", "claude-code", "claude-cli", "2.1.332", "2.1.332"),
        ("claude-cli/2.1.332-beta.1 (external)", "claude-code", "claude-cli", "2.1.332-beta.1", "2.1.332"),
        ("Claude-Code/3", "claude-code", "Claude-Code", "3", "3"),
        ("Anthropic/Python 0.77", "sdk-python", "Anthropic/Python", "0.77", "0.77"),
        ("AsyncAnthropic/Python 0.77.1", "sdk-python", "AsyncAnthropic/Python", "0.77.1", "0.77.1"),
        ("Anthropic/JS 0.70.1", "sdk-typescript", "Anthropic/JS", "0.70.1", "0.70.1"),
        ("Anthropic/Ruby 1.2", "sdk", "Anthropic/Ruby", "1.2", "1.2"),
        ("anthropic-sdk-go/v1.19.0", "", "anthropic-sdk-go", "1.19.0", "1.19.0"),
        ("curl/8.5.0", "curl", "curl", "8.5.0", "8.5.0"),
        ("python-httpx/0.28.1", "", "python-httpx", "0.28.1", "0.28.1"),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "", "Mozilla", "5.0", "5.0"),
        ("node", "", "node", "", ""),
        # The version of something else is not the client's.
        ("node (linux 5.0)", "", "node", "", ""),
        ("my tool 2", "", "my", "", ""),
        ("my-tool/nightly", "", "my-tool", "", ""),
        ("tool/1.2.x", "", "tool", "1.2.x", "1.2"),
        ("(anything) 1.0", "", "", "", ""),
        ("größe/1", "", "gr", "", ""),
        ("", "", "", "", ""),
        ("x" * 80, "", "x" * 40, "", ""),
    ],
)
def test_a_client_is_the_product_that_its_user_agent_names_first(
    user_agent: str, kind: str, name: str, version: str, number: str
) -> None:
    assert identify_client(user_agent) == (kind, name, version, number)
    facts = gather({}, {"user-agent": user_agent}, 2)
    assert (facts.client_kind, facts.client_version) == (kind, number)
