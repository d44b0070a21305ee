"""Two teams with a lead, two members and a service key each, an open invitation, and requests of all their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from access.keys import hash_key, new_key
from access.models import ClientKey, Invitation, Membership, Team
from tests.usage.dated import attempt, request
from usage.journal.inserts import insert
from usage.models import RequestLog
from usage.money import to_pico
from usage.rollups import upsert

NAMES = ("lea", "mia", "max")


@dataclass
class Group:
    """A team with its people and keys by name; `ci` is the service key."""

    team: Team
    invitation: Invitation
    people: dict[str, User] = field(default_factory=dict)
    keys: dict[str, ClientKey] = field(default_factory=dict)

    def browser(self, name: str) -> Client:
        """The browser of one of them."""
        return browser_of(self.people[name])

    def requests(self, name: str) -> list[RequestLog]:
        """The requests of a key."""
        return list(RequestLog.objects.filter(key_id=self.keys[name].pk).order_by("id"))


def browser_of(person: User) -> Client:
    """The browser of somebody who is signed in."""
    browser = Client()
    browser.force_login(person)
    return browser


def make_group(name: str) -> Group:
    """A team whose lead is lea, with mia and max; their user names begin with the team's name."""
    team = Team.objects.create(name=name)
    until = timezone.now() + timedelta(days=7)
    group = Group(team, Invitation.objects.create(team=team, hash=hash_key(name), expires_at=until))
    for person in NAMES:
        user = User.objects.create_user(f"{name}-{person}", email=f"{person}@{name}.example")
        role = Membership.Role.LEAD if person == "lea" else Membership.Role.MEMBER
        Membership.objects.create(team=group.team, user=user, role=role)
        group.people[person] = user
    for person in (*NAMES, "ci"):
        group.keys[person] = make_key(group.team, f"{name} key of {person}", group.people.get(person))
        use(group.keys[person])
    return group


def make_key(team: Team, name: str, owner: User | None = None, **fields: Any) -> ClientKey:
    """A key without a known secret."""
    new = new_key()
    return ClientKey.objects.create(team=team, name=name, owner=owner, prefix=new.prefix, hash=new.hash, **fields)


def use(key: ClientKey, **fields: Any) -> None:
    """Writes, as the writer does, a request that was answered and one that was refused."""
    owner = key.owner
    whose = {
        "team_id": key.team_id, "team_name": key.team.name, "key_id": key.pk, "key_name": key.name,
        "key_prefix": key.prefix, "owner_id": owner and owner.pk, "owner_name": owner.username if owner else "",
        "route_name": "sonnet", "request_model": "sonnet",
    }  # fmt: skip
    now = timezone.now()
    spent = {"input_tokens": 1200, "output_tokens": 345, "cost": to_pico(Decimal("0.25"))}
    done = request(now, model_name=f"model of {key.name}", duration_ms=1234, attempts=1, **{**whose, **spent, **fields})
    refused = request(
        now - timedelta(seconds=1), **whose, duration_ms=1, error_type="invalid_request_error", http_status=400,
        outcome="refused", error_message=f"{key.name} was refused: messages is empty",
    )  # fmt: skip
    with transaction.atomic():
        insert([refused, done], [attempt(done, model_name=done.model_name, duration_ms=1230, cost=done.cost)])
        upsert.add([refused, done])
