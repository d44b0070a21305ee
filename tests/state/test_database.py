"""The size of the database, and clocks that differ."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from proxysite.state import database, overview, reporter
from proxysite.state.models import Worker
from routing.loading import revision
from tests.permissions.site import make_rows

pytestmark = pytest.mark.django_db


def test_the_database_is_measured_with_its_months() -> None:
    found = database.measure()
    assert found.bytes > 100_000
    if connection.vendor != "postgresql":
        assert (found.vendor, found.tables) == ("SQLite", [])
        assert found.free_bytes is not None
        return
    call_command("make_partitions", verbosity=0)
    tables = {one.name: one for one in database.measure().tables}
    requests = tables["usage_requestlog"]
    assert len(requests.months) >= 4
    assert requests.bytes == sum(month.bytes for month in requests.months) > 0
    assert reporter.clock_skew() is not None
    assert abs(reporter.clock_skew() or 0) < 60_000


def test_the_page_names_what_is_wrong(admin_client: Client) -> None:
    make_rows()
    row = Worker.objects.get()
    row.facts |= {"revisions": revision.numbers()}
    row.save()
    for name, facts in (("slow:1:a", {"skew_ms": 90_000}), ("behind:1:b", {"revisions": {"routing": 0, "access": 0}})):
        row.pk, row.facts = name, {**row.facts, **facts}
        row.save(force_insert=True)
    Worker.objects.filter(pk="behind:1:b").update(version="0.0.9")
    page = admin_client.get(reverse("console:state")).content.decode()
    assert "The clock of slow is 90,000 ms from the database" in page
    assert "Workers run different versions" in page
    assert "Not on the newest configuration (yet): behind:1:b" in page
    assert len(overview.processes()) == 3
