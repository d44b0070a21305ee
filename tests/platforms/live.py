"""Providers on platforms for the tests through a running gateway."""

from __future__ import annotations

from typing import Any

from providers.models import Provider
from routing.models import Route
from tests.harness.configure import make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.script import Script


def make_platform(
    gateway: Gateway, script: Script, dialect: str, base_url: str, **fields: Any
) -> tuple[Provider, Route]:
    """A provider on a platform and a route to its one model, once the gateway knows them.

    The model's name holds the script's mark, for requests whose body does not show the prompt.
    """
    model = fields.pop("model", "{}").format(script.mark)
    provider = make_provider(dialect, base_url, **fields)
    route = make_route([make_model(provider, name=model)])
    gateway.wait_snapshot()
    return provider, route
