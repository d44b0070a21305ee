"""Requests with keys that are known and not accepted are counted, and whoever has the key sees how many."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from access.models import Membership, Team
from proxysite.state.models import Worker
from proxysite.state.refused_keys import by_key
from streaming.refused_keys import RefusedKeys
from tests.admin.pages import text_of
from tests.harness.call import Client
from tests.harness.configure import make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.live.watching import cookies_of
from tests.my.people import make_group


@pytest.mark.both_databases
def test_a_member_sees_how_often_their_ended_key_is_still_used(
    two_workers: Gateway, orm: Rows, person: Callable[..., User]
) -> None:
    member, team = person(), Team.objects.create(name=unique("team"))
    Membership.objects.create(team=team, user=member, role="member")
    ended = make_key(team, owner=member, expires_at=timezone.now() - timedelta(minutes=1))
    elsewhere = make_key(team, owner=member, allowed_networks="203.0.113.0/24")
    two_workers.wait_snapshot()
    for key, status, times in ((ended, 401, 5), (elsewhere, 403, 2)):
        for _ in range(times):
            assert Client(two_workers.base_url, key.secret).get("/v1/models").status == status
    ids = {ended.row.pk, elsewhere.row.pk}
    until(lambda: {number: one.count for number, one in by_key(ids).items()} == {ended.row.pk: 5, elsewhere.row.pk: 2})

    def page(path: str) -> str:
        url, cookies = f"{two_workers.base_url}/my/keys/{path}", {"cookie": cookies_of(member)}
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", httpx.get(url, headers=cookies, timeout=PATIENCE).text))

    assert "5 requests refused since" in page("")
    assert "the key has expired." in page(f"{ended.row.pk}/")
    assert "they came from an address that the key is not accepted from." in page(f"{elsewhere.row.pk}/")


def _worker(name: str, **refused: Any) -> None:
    now = timezone.now()
    Worker.objects.create(name=name, kind="gateway", started_at=now, seen_at=now, facts={"refused_keys": refused})


@pytest.mark.django_db
def test_what_all_workers_counted_is_one_number_for_whoever_sees_the_key() -> None:
    group = make_group("blue")
    number = group.keys["mia"].pk
    _worker("one", **{str(number): [3, 1_000.0, 2_000.0, "expired"], "99999": [7, 1.0, 2.0, "revoked"]})
    _worker("two", **{str(number): [1, 1_500.0, 3_000.0, "revoked"]})
    Worker.objects.create(name="old", kind="gateway", started_at=timezone.now(), seen_at=timezone.now(), facts={})
    (one,) = by_key({number}).values()
    assert (one.count, one.why) == (4, "the key was revoked")
    assert (one.since, one.last) == (datetime.fromtimestamp(1_000, UTC), datetime.fromtimestamp(3_000, UTC))
    for reader in ("mia", "lea"):
        assert "4 requests since" in text_of(group.browser(reader).get(f"/my/keys/{number}/"))
    assert "requests refused" not in text_of(group.browser("max").get("/my/keys/"))


def test_a_worker_keeps_the_counts_of_the_keys_that_were_sent_last() -> None:
    keys = RefusedKeys(0, ())
    for number in (1, 2, 1, *range(3, 202)):
        keys.count_known(number, "expired")
    assert len(keys.known) == 200
    assert 2 not in keys.known
    assert keys.known[1][0] == 2
