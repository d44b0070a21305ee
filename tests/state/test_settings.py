"""What people see of settings: never what stands before a host, and of an unknown setting only that it is set."""

from __future__ import annotations

import re

import pytest

from proxysite.state import settings_in_force
from proxysite.state.settings_in_force import NOT_SHOWN, address, shown
from tests.harness.gateway import ROOT

_SECRET = "p4ss/w?o@r#d"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("redis://:hidden@cache.example:6379/0", "redis://cache.example:6379"),
        ("https://me:hidden@gateway.example.com/path?token=hidden", "https://gateway.example.com"),
        ("rediss://user:hid/den@[::1]:6379", "rediss://[::1]:6379"),
        ("redis://:hid@den@cache", "redis://cache"),
        ("redis://:hid?den@cache", NOT_SHOWN),
        ("redis://:hid#den@cache", NOT_SHOWN),
        ("redis://:hidden", NOT_SHOWN),
        ("hidden", NOT_SHOWN),
        ("*", "*"),
        ("https://*.example.com", "https://*.example.com"),
    ],
)
def test_of_an_address_the_host_is_shown(url: str, seen: str) -> None:
    assert address(url) == seen
    assert "hid" not in address(url)


def test_every_secret_setting_is_only_set_or_not_set() -> None:
    for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS", "A_SETTING_OF_TOMORROW"):
        assert shown(name, "hidden") == shown(name, ["hidden"]) == NOT_SHOWN
        assert shown(name, "") == shown(name, []) == "not set"
    assert _SECRET not in shown("REDIS_URL", f"redis://:{_SECRET}@cache")


def test_every_setting_that_is_documented_is_listed_and_shown_where_it_is_harmless() -> None:
    found = {one.name: one for one in settings_in_force.in_force()}
    documented = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    of_quickstart = {name for name in documented if re.search(r"_API_KEY$|_UPSTREAM_URL$|^OLLAMA_BASE_URL$", name)}
    assert documented - of_quickstart <= set(found)
    secret = {name for name, one in found.items() if one.value == NOT_SHOWN}
    assert secret <= {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "ENCRYPTION_KEYS"}
