"""Pages write dates as ISO 8601 does, also those that Django formats by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from access.models import Team


@pytest.mark.django_db
def test_a_form_shows_a_moment_as_lists_do(admin_client: Client) -> None:
    team = Team.objects.create(name="Red", created_at=datetime(2026, 1, 9, 15, 4, 5, tzinfo=UTC))
    page = admin_client.get(reverse("admin:access_team_change", args=[team.pk])).content.decode()
    assert "2026-01-09 15:04:05" in page
    assert "p.m." not in page
