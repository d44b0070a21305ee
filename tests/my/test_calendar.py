"""The ends of the calendar: a day or a moment that has no next one, or is out of it in another time zone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from providers.models import Model, Provider
from tests.admin.history import request_row
from tests.admin.pages import errors_of, form_of
from tests.my.people import make_group

pytestmark = pytest.mark.django_db
ENDS = ("0001-01-01", "9999-12-31")
LISTS = ("access/auditentry/?at_from=", "access/auditentry/?at_to=")


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/New_York"], autouse=True)
def _zone(request: Any, settings: Any) -> None:
    """On both sides of UTC, and on it."""
    settings.TIME_ZONE = request.param


@pytest.mark.parametrize("day", ENDS)
def test_a_key_ends_on_a_day_that_has_a_next_one(day: str) -> None:
    blue = make_group("blue")
    answer: Any = blue.browser("mia").post("/my/keys/add/", {"team": blue.team.pk, "name": "laptop", "expires_on": day})
    assert answer.context["form"].errors == {"expires_on": ["Choose a year from 2 to 9998."]}


@pytest.mark.parametrize(("day", "time"), [(ENDS[0], "00:00:00"), (ENDS[1], "23:59:59")])
def test_a_moment_in_the_admin_is_one_in_every_zone(day: str, time: str, admin_client: Client) -> None:
    team = make_group("blue").team
    key = {"team": team.pk, "name": "laptop", "expires_at_0": day, "expires_at_1": time}
    assert set(errors_of(admin_client.post("/admin/access/clientkey/add/", key))) == {"expires_at"}
    provider = Provider.objects.create(name="p", dialect="anthropic", base_url="http://127.0.0.1:1")
    url = f"/admin/providers/model/{Model.objects.create(provider=provider, name='m').pk}/change/"
    for field in ("valid_from", "valid_until"):
        form = form_of(admin_client.get(url)) | {"prices-TOTAL_FORMS": "1", "prices-0-input": "1"}
        form |= {f"prices-0-{field}_0": day, f"prices-0-{field}_1": time}
        assert errors_of(admin_client.post(url, form)) == {f"prices-0-{field}": ["Choose a year from 2 to 9998."]}


@pytest.mark.parametrize("day", ENDS)
def test_days_in_addresses_are_refused_where_they_cannot_be_read(day: str, admin_client: Client) -> None:
    request_row(started_at=timezone.now())
    for parameter in ("from", "to"):
        page: Any = admin_client.get(f"/admin/console/explorer/?{parameter}={day}")
        assert page.context["ranges"]["error"] == "Choose a year from 2 to 9998.", parameter
        assert admin_client.get(f"/admin/console/explorer.csv?{parameter}={day}").status_code == 400, parameter
    for of in LISTS:
        # As the admin answers a filter that it cannot read.
        assert admin_client.get(f"/admin/{of}{day}")["Location"].endswith("?e=1"), of
    for parameter in ("started_at_from", "started_at_to", "from", "to"):
        listed: Any = admin_client.get(f"/admin/usage/requestlog/?{parameter}={day}")
        assert listed.context["ranges"]["error"] == "Choose a year from 2 to 9998.", parameter
        assert admin_client.get(f"/admin/usage/requestlog/export/?{parameter}={day}").status_code == 400
    for filters in (f"at_from={day}", f"at_to={day}", "at_from=yesterday"):
        assert admin_client.get(f"/admin/access/auditentry/export/?{filters}").status_code == 400, filters
