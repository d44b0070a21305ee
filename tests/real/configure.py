"""What the gateway in front of a real server needs in its database, made by a program of its own."""

from __future__ import annotations

import os
import sys

import django
import msgspec

SECRET = "sk-real-upstream"
"""What every server is started with, and what the gateway presents to it."""


def route_name(dialect: str, model: str) -> str:
    """The route to one model over one dialect."""
    return f"{dialect}-{model}".replace("_", "-")


def prepare(wanted: list[tuple[str, str, str]]) -> str:
    """Migrate, and make a route for each dialect, base URL and model; returns the secret of a client key."""
    from django.core.management import call_command

    from tests.harness.configure import make_key, make_model, make_provider, make_route

    call_command("migrate", verbosity=0)
    for dialect, url, model in wanted:
        provider = make_provider(dialect, url, secret=SECRET)
        make_route([make_model(provider, name=model)], name=route_name(dialect, model))
    return make_key().secret


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    django.setup()
    print(msgspec.json.encode(prepare(msgspec.json.decode(sys.argv[1], type=list[tuple[str, str, str]]))).decode())
