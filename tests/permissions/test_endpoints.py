"""The matrix of client keys: every kind of key, and every session, at every endpoint of the consumer's table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone

from access.keys import hash_key
from access.models import Membership, Team
from streaming.endpoints import health
from streaming.ingress.claude import paths
from tests.harness.call import Client
from tests.harness.configure import Key, Standing, make_key, unique
from tests.harness.forms import delete_users
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

INSIDE = {
    paths.MESSAGES: 400,
    paths.COUNT_TOKENS: 400,
    paths.MODELS: 200,
    paths.MODEL: 200,
    paths.ME: 200,
    paths.USAGE: 200,
}
"""What each endpoint answers to a key in force that sends an empty body, which is no request of Claude's."""

KEYS = """
key                            answer
of a member                    in
of a member, disabled          403
of a member, revoked           401
of a member, expired           401
of a member, other network     403
of somebody who was disabled   403
of somebody who left           403
service                        in
service, disabled              403
service, revoked               401
service, expired               401
service, team disabled         403
imported                       in
imported, revoked              401
rotated, new secret            in
rotated, old secret in time    in
rotated, old secret too late   401
another team's                 in
deleted                        401
unknown                        401
no key                         401
session of an owner            401
session of a member            401
"""


def _expected() -> dict[str, str]:
    lines = (line.rpartition(" ") for line in KEYS.strip().splitlines()[1:])
    return {name.strip(): answer for name, _, answer in lines}


def test_every_endpoint_stands_in_the_table() -> None:
    assert set(INSIDE) == set(paths.ENDPOINTS)


@pytest.fixture
def owner(orm: Rows) -> Iterator[User]:
    """An owner of the site."""
    user = User.objects.create_superuser(unique("owner"))
    yield user
    delete_users(pk=user.pk)


def _session(user: User) -> str:
    browser = Browser()
    browser.force_login(user)
    return browser.cookies["sessionid"].value


def _rotated(team: Team, late: timedelta) -> tuple[str, str]:
    old, new = make_key(team), make_key(team)
    previous = {
        "previous_hash": old.row.hash,
        "previous_prefix": old.row.prefix,
        "previous_until": timezone.now() + late,
    }
    old.row.delete()
    type(new.row).objects.filter(pk=new.row.pk).update(**previous)
    return new.secret, old.secret


def _imported(team: Team, **fields: Any) -> str:
    secret = unique("any-other-secret-of-another-gateway")
    row = make_key(team, **fields).row
    row.hash, row.prefix, row.imported_from = hash_key(secret), secret[:8], "litellm"
    row.save()
    return secret


def _presented(owner: User) -> dict[str, dict[str, str]]:
    """Makes every kind of key and session; returns the headers that present it."""
    team, other, off = (Team.objects.create(name=unique("team")) for _ in range(3))
    mia, gone, left = (User.objects.create_user(unique("person")) for _ in range(3))
    for one in (mia, gone, left):
        Membership.objects.create(team=team, user=one)
    now = timezone.now()
    ended = {"disabled": {"disabled_at": now}, "revoked": {"revoked_at": now}, "expired": {"expires_at": now}}
    keys: dict[str, Key | str] = {"of a member": make_key(team, owner=mia), "service": make_key(team)}
    for name, fields in ended.items():
        keys[f"of a member, {name}"] = make_key(team, owner=mia, **fields)
        keys[f"service, {name}"] = make_key(team, **fields)
    keys["of a member, other network"] = make_key(team, owner=mia, allowed_networks="203.0.113.0/24")
    keys["of somebody who was disabled"] = make_key(team, owner=gone)
    keys["of somebody who left"] = make_key(team, owner=left)
    keys["service, team disabled"] = make_key(off)
    keys["imported"], keys["imported, revoked"] = _imported(team), _imported(team, revoked_at=now)
    keys["rotated, new secret"], keys["rotated, old secret in time"] = _rotated(team, timedelta(hours=1))
    _, keys["rotated, old secret too late"] = _rotated(team, timedelta(seconds=-1))
    keys["another team's"] = make_key(other)
    deleted = make_key(team)
    deleted.row.delete()
    keys["deleted"], keys["unknown"] = deleted, f"{deleted.secret[:-1]}?"
    User.objects.filter(pk=gone.pk).update(is_active=False)
    Membership.objects.filter(user=left).delete()
    Team.objects.filter(pk=off.pk).update(enabled=False)
    shown = {name: {"x-api-key": key if isinstance(key, str) else key.secret} for name, key in keys.items()}
    sessions = {"session of an owner": _session(owner), "session of a member": _session(mia)}
    shown |= {name: {"cookie": f"sessionid={session}"} for name, session in sessions.items()}
    return {**shown, "no key": {}}


def test_every_kind_of_key_gets_in_where_the_table_says(owner: User, gateway: Gateway, standing: Standing) -> None:
    presented, wanted = _presented(owner), _expected()
    assert set(presented) == set(wanted)
    caller = Client(gateway.base_url, None)
    gateway.wait_snapshot()
    model = paths.MODEL + standing.routes["anthropic"].name
    found: dict[str, dict[str, int]] = {}
    retried = set()
    for name, headers in presented.items():
        for endpoint, method in paths.ENDPOINTS.items():
            path = model if endpoint == paths.MODEL else endpoint
            body: dict[str, Any] | None = {} if method == "POST" else None
            with caller.reading(body, method=method, path=path, headers=headers) as reading:
                answer = reading.finish()
            found.setdefault(name, {})[endpoint] = answer.status
            retried.add((answer.status, answer.headers.get("x-should-retry")))
    inside = {name: INSIDE if answer == "in" else dict.fromkeys(INSIDE, int(answer)) for name, answer in wanted.items()}
    assert {name: got for name, got in found.items() if got != inside[name]} == {}
    # Nobody waits for a key that never comes into force.
    assert retried == {(401, "false"), (403, None), (400, None), (200, None)}


def test_a_key_tells_of_its_own_team_and_probes_take_none(orm: Rows, gateway: Gateway) -> None:
    mine, other = make_key(), make_key()
    gateway.wait_snapshot()
    answer = Client(gateway.base_url, mine.secret).get(paths.ME).raw.decode()
    assert mine.row.team.name in answer
    assert other.row.team.name not in answer
    for probe in health.PROBES:
        assert Client(gateway.base_url, None).get(probe).status == 200


@pytest.mark.parametrize("path", ["/v1/organizations", "/v1/messages/batches", "/v1/files"])
def test_other_paths_answer_404_to_keys_in_force_alone(path: str, gateway: Gateway, standing: Standing) -> None:
    assert Client(gateway.base_url, standing.key.secret).get(path).status == 404
    assert Client(gateway.base_url, None).get(path).status == 401
