"""What is a token of the playground, and what is none: nothing that this gateway signs for something else."""

from __future__ import annotations

import time
from unittest import mock

import msgspec
import pytest
from django.core import signing
from hypothesis import given
from hypothesis import strategies as st

from access.key_format import is_ours
from access.playground import tokens
from access.playground.tokens import Claims, issue, read

CLAIMS = Claims(7, 3, "5" * 40)
_PAYLOAD = signing.b64_encode(msgspec.json.encode(CLAIMS)).decode()


def test_a_token_says_what_it_was_issued_for_and_holds_no_secret_of_the_session() -> None:
    token = issue(CLAIMS)
    assert read(token) == CLAIMS
    assert not is_ours(token)
    assert not token.startswith("sk-")


@pytest.mark.parametrize("salt", ["", "django.core.signing", "gateway.playground", "access.sign_in.sessions", "x"])
def test_another_salt_is_none(salt: str) -> None:
    signer = signing.TimestampSigner(salt=salt) if salt else signing.TimestampSigner()
    assert read(tokens.PREFIX + signer.sign(_PAYLOAD)) is None


def test_what_the_same_salt_signs_without_a_time_or_with_other_words_is_none() -> None:
    assert read(tokens.PREFIX + signing.Signer(salt="gateway.playground.1").sign(_PAYLOAD)) is None
    for words in ('{"person_id": 7}', "[7, 3]", '[7, 3, "s", 1]', '["7", 3, "s"]', "7", "", "[7, 3, null]"):
        payload = signing.b64_encode(words.encode()).decode()
        assert read(tokens.PREFIX + signing.TimestampSigner(salt="gateway.playground.1").sign(payload)) is None


def test_another_secret_key_is_none(settings: pytest.FixtureRequest) -> None:
    token = issue(CLAIMS)
    settings.SECRET_KEY = "another" * 8  # type: ignore[attr-defined]
    assert read(token) is None


def test_it_is_one_for_two_minutes() -> None:
    now = time.time()
    with mock.patch("time.time", return_value=now):
        token = issue(CLAIMS)
    with mock.patch("time.time", return_value=now + tokens.LIFETIME - 1):
        assert read(token) == CLAIMS
    with mock.patch("time.time", return_value=now + tokens.LIFETIME + 1.5):
        assert read(token) is None


@given(st.integers(0, 400), st.characters(codec="utf-8"))
def test_a_token_with_another_character_is_none(place: int, character: str) -> None:
    token = issue(CLAIMS)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    assert changed == token or read(changed) is None


@given(st.text(max_size=500))
def test_no_text_is_one_and_none_raises(text: str) -> None:
    assert read(text) is None
    assert read(tokens.PREFIX + text) is None
