"""The token of the playground: signed, for a few minutes, for one session, person and team. Nothing stores it.

Knows no HTTP and no database: whether the session is still there and its person may still do this, `holder` says.
"""

from __future__ import annotations

from typing import Final

import msgspec
from django.core import signing

PREFIX: Final = "pg-px-"
"""How a token begins, which no client key does."""
LIFETIME: Final = 120
"""Seconds. A page asks for a new one before each request; an answer that has begun goes on."""
_SALT: Final = "gateway.playground.1"
_LONGEST: Final = 400
"""Characters; a longer one is no token of ours."""


class Claims(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a token says. `session` is the key of the session's row, which signs nobody in."""

    person_id: int
    team_id: int
    session: str


def issue(claims: Claims) -> str:
    """Returns a token, valid from now on."""
    return PREFIX + _signer().sign(signing.b64_encode(msgspec.json.encode(claims)).decode())


def read(token: str) -> Claims | None:
    """Returns what a token says, None for one that is not ours, was changed, or is too old."""
    if len(token) > _LONGEST or not token.startswith(PREFIX):
        return None
    try:
        signed = _signer().unsign(token.removeprefix(PREFIX), max_age=LIFETIME)
        return msgspec.json.decode(signing.b64_decode(signed.encode()), type=Claims)
    except (signing.BadSignature, ValueError):
        return None


def _signer() -> signing.TimestampSigner:
    # The salt is the purpose: what the gateway signs for anything else is no token, and a token signs nobody in.
    return signing.TimestampSigner(salt=_SALT)
