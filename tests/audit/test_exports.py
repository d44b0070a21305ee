"""Whoever takes data out as a file leaves an entry. Pages come from the URLconf, so none can be forgotten."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from access.audit import chain
from access.models import AuditEntry
from tests.permissions import site

pytestmark = pytest.mark.django_db


def test_every_file_that_a_page_sends(admin_client: Client, admin_user: User) -> None:
    site.make_rows()
    named, exports = set(), set()
    for page in site.pages(admin_user):
        # An owner leads no team.
        if re.search("csv|pdf|xlsx|export", page.name) and not page.name.startswith("my:"):
            named.add(page.name)
        since = AuditEntry.objects.count()
        if "attachment" in admin_client.get(page.url).get("Content-Disposition", ""):
            exports.add(page.name)
            actions = AuditEntry.objects.filter(number__gt=since).values_list("action", flat=True)
            assert [action for action in actions if action.endswith(" exported")], page
    assert named == exports
    assert list(chain.faults()) == []
