"""Questions about the small configuration of the routing tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from access.keys import KeyRecord
from configuration.explain import question, trial_rules
from configuration.explain.engine import explain
from configuration.explain.result import Explanation
from providers.config import CredentialConfig, ProviderConfig, Secret
from routing.health import Health
from routing.snapshot import Snapshot

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
SECRET = "sk-upstream-secret-0001"


def provider(dialect: str = "openai_chat", **fields: Any) -> ProviderConfig:
    """A provider with a credential."""
    credential = CredentialConfig(id=1, name="main", secret=Secret(SECRET))
    given = {"id": 7, "name": "there", "base_url": "https://there.example/v1", "credentials": (credential,), **fields}
    return ProviderConfig(dialect=dialect, **given)


def request_body(model: str = "any", text: Any = "Hi", **fields: Any) -> dict[str, Any]:
    """A small request."""
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **fields}


def explanation_of(
    request: dict[str, Any],
    snapshot: Snapshot,
    *,
    key: KeyRecord = question.ANY_KEY,
    headers: str = "",
    rules: str = "",
    health: Health | None = None,
    **more: Any,
) -> Explanation:
    """The explanation of a request."""
    asked = question.of_request(
        msgspec.json.encode(request),
        question.headers_of(headers),
        key,
        NOW,
        rules=trial_rules.compile_rules(trial_rules.parse(rules), snapshot),
        **more,
    )
    return explain(asked, snapshot, NOW.timestamp(), health)


def verdicts(explanation: Explanation) -> dict[str, str]:
    """What each phase request_body, "" for those that were not asked."""
    return {verdict.phase: verdict.text for verdict in explanation.verdicts}
