"""Client keys: who is authenticated, and the errors for everyone else."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError

from access.keys import (
    AccessDenied,
    KeyEnd,
    KeyRecord,
    Keys,
    NotAuthenticated,
    NotPermitted,
    allowed_pattern,
    caller,
    hash_key,
    new_key,
)
from access.validation import validate_routes

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


def _answer(headers: dict[str, str], *records: KeyRecord) -> str:
    """The name of the key that lets a caller in, or the kind of error and its sentence."""
    found = caller(headers, Keys(records), NOW)
    return f"{type(found).__name__}: {found.message}" if isinstance(found, AccessDenied) else found.name


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
    assert _answer(sent, record(key.secret)) == "laptop"


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
    assert re.match(f"NotAuthenticated: .*{words}", _answer(sent, record(key.secret)))


def test_of_two_known_keys_x_api_key_counts_and_one_in_force_beside_one_that_is_not() -> None:
    one, two = new_key(), new_key()
    sent = {"x-api-key": one.secret, "authorization": f"Bearer {two.secret}"}

    def answer(one_is: dict[str, object], two_is: dict[str, object]) -> str:
        return _answer(sent, record(one.secret, name="one", **one_is), record(two.secret, name="two", **two_is))

    assert answer({}, {}) == "one"
    endings: list[dict[str, object]] = [{"revoked": True}, {"expires_at": NOW}, {"team_enabled": False}]
    for no_longer in endings:
        assert answer(no_longer, {}) == "two"
        assert answer({}, no_longer) == "one"
    # Neither: the first says why.
    assert re.match(f"NotAuthenticated: .*{one.prefix}… has expired", answer({"expires_at": NOW}, {"revoked": True}))
    assert re.match("NotPermitted: .*disabled", answer({"team_enabled": False}, {"revoked": True}))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"revoked": True}, NotAuthenticated, "revoked"),
        ({"expires_at": NOW}, NotAuthenticated, "expired"),
        ({"replaced_at": NOW}, NotAuthenticated, "rotated: use its new secret"),
        ({"disabled": True}, NotPermitted, "is disabled. Ask an administrator of this gateway to enable it"),
        ({"team_enabled": False}, NotPermitted, "disabled"),
        ({"owner_end": KeyEnd.OWNER_DISABLED}, NotPermitted, "The owner of .* is disabled"),
        ({"owner_end": KeyEnd.OWNER_LEFT}, NotPermitted, "no longer a member of the team 'red'"),
    ],
)
def test_a_key_that_no_longer_works_says_why(changes: dict[str, object], error: type[Exception], words: str) -> None:
    key = new_key()
    answer = _answer({"x-api-key": key.secret}, record(key.secret, **changes))
    assert re.match(f"{error.__name__}: .*{words}", answer)


def test_a_key_expires_at_its_second_and_not_before() -> None:
    key = new_key()
    assert _answer({"x-api-key": key.secret}, record(key.secret, expires_at=NOW + 1)) == "laptop"


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


def test_a_pattern_of_many_stars_is_matched_at_once() -> None:
    """One that tried each place for each star would not end on this day."""
    patterns = allowed_pattern(f"{'*' * 60}b\n{'*a' * 30}*b\nother")
    assert patterns is not None
    assert patterns.fullmatch("claude-sonnet-4-5-20250929" + "a" * 100) is None
    assert patterns.fullmatch("a" * 40 + "b") is not None
    assert patterns.fullmatch("other") is not None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("*a" * 11, "more than 10 stars"),
        ("a" * 201, "201 characters"),
        ("\n".join(map(str, range(501))), "501 names"),
    ],
)
def test_a_list_of_names_has_an_end(lines: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        validate_routes(lines)
    validate_routes("\n".join(["*a" * 10, "b" * 200]))
