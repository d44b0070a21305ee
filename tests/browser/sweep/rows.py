"""A site that has something to show on every page."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management import call_command

from access.roles.table import Role
from providers.models import Provider
from tests.harness.forms import PASSWORD
from tests.permissions import site
from tests.permissions.people import a_key, person
from usage.invoices import drafts


def fill() -> tuple[User, User]:
    """Makes rows of everything and three months of samples; returns an owner and a lead, who sign in with PASSWORD."""
    site.make_rows()
    call_command("generate_usage", rows=400, months=3, verbosity=0)
    owner, lead = person(Role.OWNER), person(Role.LEAD)
    key = a_key("Search", lead)
    site.used(key)
    site.asked_for(key, lead)
    provider = Provider.objects.get()
    drafts.put(owner.pk, (provider.pk, provider.name), "november.csv", b"date,model,cost\n2026-10-31,m,5\n")
    for user in (owner, lead):
        user.set_password(PASSWORD)
        user.save()
    return owner, lead
