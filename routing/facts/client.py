"""Which program a client is, from its user agent: the one reader for rules, usage rows and explanations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST: Final = 40
"""Characters of a client's name, and of its version."""
_KINDS: Final = (
    # start of the user agent -> kind, as of November 2026
    ("claude-cli/", "claude-code"),
    ("claude-code/", "claude-code"),
    ("anthropic/python", "sdk-python"),
    ("asyncanthropic/python", "sdk-python"),
    ("anthropic/js", "sdk-typescript"),
    ("anthropic/", "sdk"),
    ("curl/", "curl"),
)
# A product token (RFC 9110, 10.1.5) and its version. SDKs have two words, and the version behind a space: `Anthropic/JS
# 0.70.1`.
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # noqa: S105
_PRODUCT: Final = re.compile(rf"({_TOKEN}+(?:/(?!v?\d){_TOKEN}+(?= v?\d))?)(?:[/ ]v?(\d[0-9A-Za-z.+_-]*))?", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})*", re.ASCII)


class Client(NamedTuple):
    """The product that a user agent names first; "" for what is unknown.

    `kind` is what rules call it. `number` is the version up to where it is no longer numbers and dots, which rules
    compare.
    """

    kind: str
    name: str
    version: str
    number: str


@lru_cache(maxsize=1024)
def identify_client(user_agent: str) -> Client:
    """Returns the client, such as ("claude-code", "claude-cli", "2.1.332-beta.1", "2.1.332")."""
    product = _PRODUCT.match(user_agent)
    if product is None:
        return Client("", "", "", "")
    lowered = user_agent.lower()
    kind = next((kind for start, kind in _KINDS if lowered.startswith(start)), "")
    version = (product[2] or "")[:LONGEST]
    number = _NUMBER.match(version)
    return Client(kind, product[1][:LONGEST], version, "" if number is None else number[0])
