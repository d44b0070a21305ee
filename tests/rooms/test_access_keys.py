"""Client keys: who is authenticated, and the errors for everyone else."""

from __future__ import annotations

import pytest

from access.keys import (
    KeyRecord,
    NotAuthenticated,
    NotPermitted,
    allowed_pattern,
    authenticate,
    hash_key,
    new_key,
)

NOW = 1_800_000_000.0


def record(secret: str, **changes: object) -> KeyRecord:
    fields: dict[str, object] = {
        "id": 1,
        "name": "laptop",
        "prefix": secret[:10],
        "hash": hash_key(secret),
        "team_id": 7,
        "team_name": "red",
        **changes,
    }
    return KeyRecord(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "KEY"},
        {"authorization": "Bearer KEY"},
        {"authorization": "bearer  KEY "},
        {"x-api-key": "KEY", "authorization": "Bearer something-else"},
        {"x-api-key": "", "authorization": "Bearer KEY"},
        {"x-api-key": "sk-ant-api03-old", "authorization": "Bearer KEY"},
        {"x-api-key": "Bearer KEY"},
        {"authorization": "KEY"},
        {"x-api-key": "one,KEY"},
        {"authorization": "Bearer one,Bearer KEY"},
        {"x-api-key": ",".join([*"abcdefg", "KEY"])},
    ],
)
def test_a_key_is_accepted_in_either_header(headers: dict[str, str]) -> None:
    key = new_key()
    sent = {name: value.replace("KEY", key.secret) for name, value in headers.items()}
    assert authenticate(sent, {key.hash: record(key.secret)}, NOW).name == "laptop"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "No client key"),
        ({"authorization": "Basic abc"}, "No client key"),
        ({"authorization": "Bearer "}, "No client key"),
        ({"x-api-key": "sk-px-unknown"}, "unknown"),
        ({"x-api-key": "sk-px-unknown", "authorization": "Bearer other"}, "unknown"),
        ({"authorization": "Basic KEY"}, "No client key"),
        ({"x-api-key": "prefix KEY"}, "No client key"),
        ({"cookie": "KEY", "proxy-authorization": "Bearer KEY"}, "No client key"),
        ({"x-api-key": ",".join([*"abcdefgh", "KEY"])}, "unknown"),
    ],
)
def test_nobody_else_gets_in(headers: dict[str, str], words: str) -> None:
    key = new_key()
    sent = {name: value.replace("KEY", key.secret) for name, value in headers.items()}
    with pytest.raises(NotAuthenticated, match=words):
        authenticate(sent, {key.hash: record(key.secret)}, NOW)


def test_of_two_known_keys_x_api_key_counts_and_one_in_force_beside_one_that_is_not() -> None:
    one, two = new_key(), new_key()
    sent = {"x-api-key": one.secret, "authorization": f"Bearer {two.secret}"}

    def caller(one_is: dict[str, object], two_is: dict[str, object]) -> str:
        records = {
            one.hash: record(one.secret, name="one", **one_is),
            two.hash: record(two.secret, name="two", **two_is),
        }
        return authenticate(sent, records, NOW).name

    assert caller({}, {}) == "one"
    endings: list[dict[str, object]] = [{"revoked": True}, {"expires_at": NOW}, {"team_enabled": False}]
    for no_longer in endings:
        assert caller(no_longer, {}) == "two"
        assert caller({}, no_longer) == "one"
    # Neither: the first says why.
    with pytest.raises(NotAuthenticated, match=f"{one.prefix}… has expired"):
        caller({"expires_at": NOW}, {"revoked": True})
    with pytest.raises(NotPermitted, match="disabled"):
        caller({"team_enabled": False}, {"revoked": True})


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"revoked": True}, NotAuthenticated, "revoked"),
        ({"expires_at": NOW}, NotAuthenticated, "expired"),
        ({"team_enabled": False}, NotPermitted, "disabled"),
    ],
)
def test_a_key_that_no_longer_works_says_why(changes: dict[str, object], error: type[Exception], words: str) -> None:
    key = new_key()
    with pytest.raises(error, match=words):
        authenticate({"x-api-key": key.secret}, {key.hash: record(key.secret, **changes)}, NOW)


def test_a_key_expires_at_its_second_and_not_before() -> None:
    key = new_key()
    keys = {key.hash: record(key.secret, expires_at=NOW + 1)}
    assert authenticate({"x-api-key": key.secret}, keys, NOW).id == 1


def test_new_keys_differ_and_do_not_show_in_a_repr() -> None:
    one, two = new_key(), new_key()
    assert one.secret != two.secret
    assert one.secret.startswith(one.prefix)
    assert one.secret not in repr(one)
    assert one.hash == hash_key(one.secret)


@pytest.mark.parametrize(
    ("lines", "name", "allowed"),
    [
        ("", "anything", True),
        ("claude-sonnet-5-5", "claude-sonnet-5-5", True),
        ("claude-sonnet-5-5", "claude-sonnet-5-5-x", False),
        ("claude-*\n gpt-5 \n", "claude-opus-5-5", True),
        ("claude-*\n gpt-5 \n", "gpt-5", True),
        ("claude-*", "xclaude-1", False),
        ("a.c", "abc", False),
        ("vendor/*:free", "vendor/model-x:free", True),
    ],
)
def test_an_allow_list_holds_names_and_globs(lines: str, name: str, allowed: bool) -> None:
    assert record("sk-px-1", allowed_routes=allowed_pattern(lines)).may_use(name) is allowed
