"""Report tokens of all teams and of one, and what they ask."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from access.models import Team
from tests.admin.history import at, request_row
from tests.report_api.test_tokens import made
from usage.money import to_pico

ROOT = "/api/report/v1/"
MARCH = "from=2026-03-01&to=2026-03-31"

Ask = Callable[..., Any]


def spend(dollars: str | None, day: str = "2026-03-05", **fields: Any) -> None:
    """Makes a request with a cost."""
    cost = None if dollars is None else to_pico(Decimal(dollars))
    values = {"model_name": "opus", "provider_name": "direct", **fields}
    request_row(started_at=at(f"{day} 12:00"), cost=cost, **values)


def asking(secret: str | None) -> Ask:
    """Returns the function that asks with a token."""
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}

    def ask(path: str, method: str = "get", **more: Any) -> Any:
        return getattr(Client(), method)(ROOT + path, headers={**headers, **more})

    return ask


@pytest.fixture
def teams(db: None) -> tuple[Team, Team]:
    """Two teams with requests in March 2026."""
    blue, red = Team.objects.create(name="Blue"), Team.objects.create(name="Red")
    spend("2.5", team_id=blue.pk, team_name="Blue")
    spend("0.000000000001", "2026-03-06", team_id=blue.pk, team_name="Blue", model_name="haiku")
    spend("1", team_id=red.pk, team_name="Red")
    spend(None, team_id=red.pk, team_name="Red", model_name="own")
    return blue, red


@pytest.fixture
def ask(db: None) -> Ask:
    """Asks with a token of all teams."""
    return asking(made()[0])


@pytest.fixture
def ask_blue(teams: tuple[Team, Team]) -> Ask:
    """Asks with a token of the team Blue."""
    return asking(made(name="of Blue", team=teams[0])[0])
