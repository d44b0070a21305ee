"""A gateway with a database of its own, whose owner looks at what it was used for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page

from tests.browser.steps import leave, sign_in
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


@pytest.fixture
def owned(own_database: Rows, visitor: Page) -> Iterator[Callable[[], Gateway]]:
    """Starts a gateway on what the database holds by then, with an owner who has signed in as `visitor`."""
    started: list[Gateway] = []

    def start() -> Gateway:
        get_user_model().objects.create_superuser("owner", password=PASSWORD)
        gateway = Gateway("flows")
        started.append(gateway)
        gateway.start()
        sign_in(visitor, gateway, "owner")
        return gateway

    yield start
    leave(visitor)
    for gateway in started:
        gateway.stop()
