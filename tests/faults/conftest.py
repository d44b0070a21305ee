"""Providers that fail on command, beside one that is healthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.models import Model
from routing.models import Route
from tests.harness.configure import Standing, make_model, make_provider, make_route
from tests.harness.gateway import Gateway, free_port
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@pytest.fixture(scope="session")
def troubled(standing: Standing, upstream: Upstream, django_db_blocker: Any) -> dict[str, Model]:
    """Models by the first segment of their paths; nothing listens at `refused`.

    `silent` is given up soon when it does not begin, `stalling` when it does not go on, and neither for anything else:
    on a busy machine everything else may take its time.
    """
    from tests.harness import database

    with django_db_blocker.unblock(), database.live_connection():
        return {
            "bad": make_model(make_provider("openai_chat", f"{upstream.base_url}/bad/v1")),
            "bad_claude": make_model(make_provider("anthropic", f"{upstream.base_url}/bad_claude")),
            "silent": make_model(
                make_provider("openai_chat", f"{upstream.base_url}/silent/v1", first_event_timeout=0.4)
            ),
            "stalling": make_model(make_provider("openai_chat", f"{upstream.base_url}/stalling/v1", idle_timeout=0.4)),
            "stalling_claude": make_model(
                make_provider("anthropic", f"{upstream.base_url}/stalling_claude", idle_timeout=0.4)
            ),
            "refused": make_model(make_provider("openai_chat", f"http://127.0.0.1:{free_port()}/v1")),
            "healthy": make_model(make_provider("openai_chat", f"{upstream.base_url}/healthy/v1")),
            "prefilled": make_model(
                make_provider("anthropic", f"{upstream.base_url}/prefilled"), capabilities=["prefill"]
            ),
            "mistral": make_model(make_provider("openai_chat", f"{upstream.base_url}/mistral/v1", profile="mistral")),
            "healthy_claude": make_model(make_provider("anthropic", f"{upstream.base_url}/healthy_claude")),
        }


MakeRoute = Callable[..., Route]


@pytest.fixture
def make(troubled: dict[str, Model], gateway: Gateway, orm: Rows) -> MakeRoute:
    """A route over models by name that the running gateway knows of."""

    def made(*names: str, **fields: Any) -> Route:
        route = make_route([troubled[name] for name in names], **fields)
        gateway.wait_snapshot()
        return route

    return made
