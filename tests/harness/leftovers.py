"""What no test may leave in the database that all tests share: rows that concern requests, people or alerts of others.

A team, a key, a provider or a route of a test's own is nobody else's affair and may stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from access.models import SiteRole, Webhook
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute
from tests.harness.forms import delete_users


def removed() -> list[str]:
    """Remove what was left, so that the test that left it is the only one to fail, and name each row."""
    owners = User.objects.filter(is_superuser=True)
    found = [f"{row._meta.label} {row}" for row in chain(owners, *_concerning_others())]
    if found:
        delete_users(is_superuser=True)
        for rows in _concerning_others():
            rows.delete()
    return found


def _concerning_others() -> Iterator[QuerySet[Model]]:
    # Alerts go to each owner and each webhook.
    yield Webhook.objects.all()
    yield SiteRole.objects.all()
    # Requests of every team, and for names that no route has.
    yield Route.objects.filter(is_default=True)
    yield Alias.objects.filter(enabled=True, pattern__startswith="*")
    yield ScenarioRoute.objects.filter(enabled=True, team=None)
    yield Rule.objects.filter(enabled=True, team=None)
    yield Concept.objects.filter(enabled=True)
