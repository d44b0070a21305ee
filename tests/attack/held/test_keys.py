"""Client keys: whatever is sent in their place lets nobody in, and a key ends in every worker within a second."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from access.keys import hash_key
from access.models import ClientKey, Team
from tests.attack.rig.rig import Rig
from tests.harness.http.raw import CLOSE, request
from tests.harness.patience import until


def _variants(key: str) -> dict[str, list[tuple[str, str]]]:
    """Header lines that hold something like a key."""
    return {
        "none": [],
        "empty": [("x-api-key", "")],
        "prefix alone": [("x-api-key", key[:10])],
        "all but the last": [("x-api-key", key[:-1])],
        "one more": [("x-api-key", key + "x")],
        "other case": [("x-api-key", key.swapcase())],
        "its hash": [("x-api-key", hash_key(key))],
        "its hash as bearer": [("authorization", f"Bearer {hash_key(key)}")],
        "as basic": [("authorization", f"Basic {key}")],
        "in a cookie": [("cookie", f"x-api-key={key}; sessionid={key}")],
        "in another header": [("x-goog-api-key", key), ("api-key", key), ("x-client-key", key)],
        "underscores": [("x_api_key", key)],
        "in UTF-8": [("x-api-key", "ÿ" + key)],
        "quoted": [("x-api-key", f'"{key}"')],
        "percent": [("x-api-key", "%73" + key[1:])],
        "two in one with a blank": [("x-api-key", f"{key} {key}")],
        "a tab within": [("x-api-key", key[:20] + "\t" + key[20:])],
        "a NUL behind": [("x-api-key", key + "\0")],
        "folded": [("x-api-key", f"{key[:20]}\r\n {key[20:]}")],
        "blank before the colon": [("x-api-key ", key)],
        "SQL": [("x-api-key", "' OR '1'='1")],
        "wildcard": [("x-api-key", "*"), ("authorization", "Bearer *")],
        "null": [("authorization", "Bearer null")],
        "forwarded": [("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("forwarded", "for=127.0.0.1")],
        "60 KB": [("x-api-key", key + "a" * 60_000)],
        "a thousand others": [(f"x-key-{number}", key) for number in range(1000)],
    }


@pytest.mark.parametrize("variant", _variants("x" * 40))
def test_what_is_no_key_lets_nobody_in(variant: str, rig: Rig) -> None:
    script = rig.script()
    lines = [(name, value.encode().decode("latin-1")) for name, value in _variants(rig.key.secret)[variant]]
    answers = rig.raw(request(rig.body(script), ("Host", "127.0.0.1"), *lines, CLOSE))
    assert all(answer.status in (400, 401, 431) for answer in answers), answers
    assert script.seen == []
    assert [rig.marks.found_in(answer.raw) for answer in answers if answer.raw] in ([[]], [])


def test_a_key_in_the_address_lets_nobody_in(rig: Rig) -> None:
    for query in ("x-api-key", "key", "api_key", "access_token", "authorization"):
        answer = rig.client(None).get(f"/v1/me?{query}={rig.key.secret}")
        answer.error(401, "authentication_error")
        assert rig.marks.found_in(answer.raw) == []


def test_a_refusal_is_the_same_for_a_key_that_nobody_has_and_for_one_that_is_almost_right(rig: Rig) -> None:
    key = rig.key.secret
    words = {rig.client(near).get("/v1/me").json["error"]["message"] for near in ("sk-px-nobody", key[:-1], key + "a")}
    assert len(words) == 1


def _statuses(rig: Rig, secret: str, count: int = 40) -> set[int]:
    """What so many connections, and with them every worker, answer to a key."""
    return {rig.client(secret).get("/v1/me").status for _ in range(count)}


def test_a_new_key_works_and_a_revoked_one_does_not_in_every_worker(rig: Rig) -> None:
    with rig.configure():
        key = rig.new_key()
    assert _statuses(rig, key.secret) == {200}
    with rig.configure():
        ClientKey.objects.filter(pk=key.row.pk).update(revoked_at=timezone.now())
    assert _statuses(rig, key.secret) == {401}


def test_an_expired_key_is_refused_from_its_second_on(rig: Rig) -> None:
    # One that lives long enough to be used: longer, on a machine that is slow to know it.
    for seconds in (3, 12, 48):
        end = timezone.now() + timedelta(seconds=seconds)
        with rig.configure():
            key = rig.new_key(expires_at=end)
        before = _statuses(rig, key.secret, 4)
        if timezone.now() < end:
            break
    assert before == {200}
    until(lambda: timezone.now() > end)
    assert _statuses(rig, key.secret) == {401}


def test_a_team_that_is_off_is_off_in_every_worker(rig: Rig) -> None:
    with rig.configure():
        key = rig.new_key()
    with rig.configure():
        Team.objects.filter(pk=key.row.team_id).update(enabled=False)
    assert _statuses(rig, key.secret) == {403}
