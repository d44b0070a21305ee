"""What a run needs of Django, as a program: the configuration that the gateway serves, a count of its usage rows."""

from __future__ import annotations

import os
import sys

import django
import msgspec

ROUTES = {"openai_chat": "bench-openai", "anthropic": "bench-claude"}
"""One route per dialect of the mock."""
LOCAL = "http://127.0.0.1"
SECRET_VARIABLE = "BENCHMARK_UPSTREAM_KEY"


class Rows(msgspec.Struct, frozen=True):
    """Usage rows in the database; `completed` is the part of `requests` with that outcome."""

    requests: int
    completed: int
    attempts: int


def prepare(upstream_port: int, host: str = LOCAL) -> str:
    """Migrate, configure both dialects against the mock, and make a client key; returns its secret."""
    from django.core.management import call_command

    from access.models import Team
    from providers.models import Credential, Model, Provider
    from providers.pricing.prices import Price
    from routing.models import Candidate, Route

    call_command("migrate", verbosity=0)
    bases = {"openai_chat": f"{host}:{upstream_port}/v1", "anthropic": f"{host}:{upstream_port}"}
    for dialect, base_url in bases.items():
        provider = Provider.objects.create(name=dialect, dialect=dialect, base_url=base_url, is_local=True)
        Credential.objects.create(provider=provider, source=Credential.Source.ENVIRONMENT, variable=SECRET_VARIABLE)
        model = Model.objects.create(provider=provider, name="mock")
        Price.objects.create(model=model, input="3", output="15")
        Candidate.objects.create(route=Route.objects.create(name=ROUTES[dialect]), model=model)
    Team.objects.create(name="benchmarks")
    return make_key()


def make_key(dollars: str = "") -> str:
    """Make a client key, with a hard budget of its own unless `dollars` is empty; returns its secret."""
    from access.keys import new_key
    from access.models import Budget, ClientKey, Team

    key = new_key()
    team = Team.objects.get(name="benchmarks")
    row = ClientKey.objects.create(team=team, name=f"benchmarks {key.prefix}", prefix=key.prefix, hash=key.hash)
    if dollars:
        Budget.objects.create(key=row, amount=dollars)
    return key.secret


def count() -> Rows:
    """The usage rows that are in the database now."""
    from usage.models import AttemptLog, Outcome, RequestLog

    return Rows(
        requests=RequestLog.objects.count(),
        completed=RequestLog.objects.filter(outcome=Outcome.COMPLETED).count(),
        attempts=AttemptLog.objects.count(),
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    django.setup()
    match sys.argv[1:]:
        case ["prepare", port, *host]:
            answer: str | Rows = prepare(int(port), *host)
        case ["key", dollars]:
            answer = make_key(dollars)
        case _:
            answer = count()
    print(msgspec.json.encode(answer).decode())
