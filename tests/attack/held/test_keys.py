"""Client keys: whatever is sent in their place lets nobody in, and says nothing about those that are."""

from __future__ import annotations

import pytest

from access.keys import hash_key
from tests.attack.rig.rig import Rig

_NO_KEY = "sk-px-" + "0" * 32


def _variants(key: str) -> dict[str, list[tuple[str, str]]]:
    """Header lines that hold something like a key."""
    swapped = key.swapcase()
    return {
        "none": [],
        "empty": [("x-api-key", "")],
        "prefix alone": [("x-api-key", key[:10])],
        "all but the last": [("x-api-key", key[:-1])],
        "one more": [("x-api-key", key + "x")],
        "other case": [("x-api-key", swapped)],
        "its hash": [("x-api-key", hash_key(key))],
        "its hash as bearer": [("authorization", f"Bearer {hash_key(key)}")],
        "as basic": [("authorization", f"Basic {key}")],
        "in a cookie": [("cookie", f"x-api-key={key}; sessionid={key}")],
        "in another header": [("x-goog-api-key", key), ("api-key", key), ("x-client-key", key)],
        "underscores": [("x_api_key", key)],
        "in UTF-8": [("x-api-key", "ÿ" + key)],
        "quoted": [("x-api-key", f'"{key}"')],
        "percent": [("x-api-key", "%73" + key[1:])],
        "two in one with blanks": [("x-api-key", f"{key} {key}")],
        "SQL": [("x-api-key", "' OR '1'='1")],
        "wildcard": [("x-api-key", "*"), ("authorization", "Bearer *")],
        "null": [("authorization", "Bearer null")],
        "forwarded": [("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("forwarded", "for=127.0.0.1")],
    }


@pytest.mark.parametrize("variant", _variants(_NO_KEY))
def test_what_is_no_key_lets_nobody_in(variant: str, rig: Rig) -> None:
    script = rig.script()
    answer = rig.send(
        rig.body(script), *[(n, v.encode().decode("latin-1")) for n, v in _variants(rig.key.secret)[variant]]
    )
    assert answer.status in (400, 401), answer.raw
    assert script.seen == []
    assert rig.marks.found_in(answer.raw) == []
