"""The format of client keys: what this gateway made, what it makes now, and that anything else costs nothing."""

from __future__ import annotations

import re
import sys
import zlib
from types import FrameType
from typing import Any

import pytest

from access import key_format
from access.keys import KeyRecord, Keys, NotAuthenticated, caller, hash_key, new_key
from providers.config import ProviderConfig
from providers.errors.redaction import REDACTED, redacted

OLDER = "sk-px-" + "aB3_-xYz" * 4
MOST_OPCODES = 110
"""Of CPython for one wrong key: about 4,300 instructions."""


def _record(secret: str) -> KeyRecord:
    return KeyRecord(id=1, name="k", prefix=secret[:10], hash=hash_key(secret), team_id=1, team_name="red")


def _name(secret: str, keys: Keys) -> str | None:
    """The name of the key that a secret opens, None where it opens none."""
    found = caller({"x-api-key": secret}, keys, 0.0)
    if isinstance(found, KeyRecord):
        return found.name
    assert isinstance(found, NotAuthenticated)
    return None


def test_a_new_key_has_the_published_pattern_and_the_published_checksum() -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for _ in range(200):
        secret = new_key().secret
        assert re.fullmatch(r"sk-px-[0-9A-Za-z]{49}", secret)
        number = 0
        for digit in secret[-6:]:
            number = number * 62 + digits.index(digit)
        assert number == zlib.crc32(secret[:-6].encode())
        assert key_format.is_ours(secret)


def test_keys_of_before_stay_valid_also_those_that_begin_like_new_ones() -> None:
    alike = "sk-px-" + "a" * 32
    keys = Keys([_record(OLDER), _record(alike)])
    assert _name(OLDER, keys) == _name(alike, keys) == "k"


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1],
        lambda key: key + "a",
        lambda key: key[:20] + ("b" if key[20] == "a" else "a") + key[21:],
        lambda key: key[:-1] + ("b" if key[-1] == "a" else "a"),
        lambda key: key.swapcase(),
        lambda key: "sk-py-" + key[6:],
        lambda key: key[:-1] + "é",
        lambda key: OLDER[:-1] + "é",
        lambda key: OLDER[:-1] + "+",
        lambda key: "x" * 55,
        lambda key: "",
    ],
)
def test_what_is_mistyped_or_invented_is_not_hashed(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key().secret
    hashed: list[str] = []

    def watched(secret: str) -> str:
        hashed.append(secret)
        return hash_key(secret)

    monkeypatch.setattr("access.keys.hash_key", watched)
    keys = Keys([_record(key)])
    assert _name(change(key), keys) is None
    assert hashed == []
    assert _name(key, keys) == "k"
    assert hashed == [key]


def test_a_key_of_another_gateway_is_found_while_one_was_imported() -> None:
    keys = Keys([_record("sk-1234")])
    assert _name("sk-1234", keys) is None
    assert _name("sk-1234", Keys([_record("sk-1234")], any_format=True)) == "k"


@pytest.mark.parametrize("wrong", ["sk-px-" + "a" * 49, "sk-ant-api03-" + "a" * 90, OLDER[:-1] + "!", "a"])
def test_a_wrong_format_costs_little(wrong: str) -> None:
    """Counted in opcodes, which do not depend on the machine; benchmarks/count/wrong_keys.py counts instructions."""
    keys, opcodes = Keys([_record(new_key().secret)]), 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal opcodes
        frame.f_trace_opcodes = True
        opcodes += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found = caller({"x-api-key": wrong}, keys, 0.0)
    finally:
        sys.settrace(before)
    assert isinstance(found, NotAuthenticated)
    assert 0 < opcodes < MOST_OPCODES


def test_an_error_of_a_provider_shows_no_client_key() -> None:
    provider = ProviderConfig(id=1, name="p", dialect="openai_chat", base_url="https://example.com")
    for secret in (new_key().secret, OLDER):
        assert redacted(f"You said: key={secret}, which we do not know", provider) == (
            f"You said: key={REDACTED}, which we do not know"
        )
