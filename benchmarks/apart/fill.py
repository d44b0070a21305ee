"""Usage rows to look at and somebody who looks, as a program that runs where Django's environment is set."""

from __future__ import annotations

import os
import sys

import django
import msgspec


class Filled(msgspec.Struct, frozen=True):
    """The cookie of an owner who is signed in, and the page that sends a provider a request."""

    cookie: str
    provider_test: str


def fill(rows: int) -> Filled:
    """Makes up usage rows of this month and signs an owner in."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse

    from benchmarks.site import ROUTES
    from providers.models import Provider

    call_command("generate_usage", rows=rows, stdout=sys.stderr)
    browser = Client()
    browser.force_login(User.objects.create_superuser("benchmarks"))
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    provider = Provider.objects.get(name=next(iter(ROUTES)))
    return Filled(f"{cookie.key}={cookie.value}", reverse("console:provider-test", args=[provider.pk]))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    django.setup()
    print(msgspec.json.encode(fill(int(sys.argv[1]))).decode())
