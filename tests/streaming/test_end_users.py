"""The end user on the row, from `metadata.user_id`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from streaming.outcome.end_users import end_user
from tests.harness.patience import at_best


@pytest.mark.parametrize(
    "user_id",
    [
        None,
        7,
        "",
        '{"device_id":"0","account_uuid":"","session_id":"s"}',
        "user_0123abc_account_0a1b-2c_session_0d1e",
        "user_0123abc_account__session_0d1e",
    ],
)
def test_claude_code_names_no_end_user(user_id: Any, settings: Any) -> None:
    for value in ("hash", "plain"):
        settings.STORE_END_USERS = value
        assert end_user({"user_id": user_id}) == ""
    assert end_user({}) == ""


def test_end_users_are_hashed_with_a_key_of_the_site(settings: Any) -> None:
    found = end_user({"user_id": "jane@example.com"})
    assert (len(found), found) == (32, end_user({"user_id": "jane@example.com"}))
    assert "jane" not in found
    assert found != end_user({"user_id": "john@example.com"})
    settings.SECRET_KEY = "another"
    assert found != end_user({"user_id": "jane@example.com"})


def test_end_users_are_stored_as_the_setting_says(settings: Any) -> None:
    settings.STORE_END_USERS = "plain"
    assert end_user({"user_id": "jane@example.com"}) == "jane@example.com"
    assert end_user({"user_id": "x" * 200}) == "x" * 80
    settings.STORE_END_USERS = "off"
    assert end_user({"user_id": "jane@example.com"}) == ""


def test_no_text_takes_long() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        for text in ('{"' * 1_000_000, "user_" + "a" * 1_000_000, "\ud800" * 1_000_000):
            end_user({"user_id": text})
        return time.perf_counter() - began

    at_best(0.1, seconds)
