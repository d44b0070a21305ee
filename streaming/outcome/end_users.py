"""Who the client's own user is, from `metadata.user_id`, as the setting STORE_END_USERS has it stored."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from django.conf import settings

LONGEST: Final = 80
_MOST_READ: Final = 4096
# Claude Code writes a device and a session there, as JSON or as `user_…_account_…_session_…`.
_CLAUDE_CODE: Final = re.compile(r'user_[\w-]*_session_|\{.*"(?:device_id|account_uuid|session_id)"', re.DOTALL)


def end_user(metadata: Mapping[str, Any]) -> str:
    """Returns what a row stores of the end user: "" for none, and for Claude Code, which names a device and no user."""
    user_id = metadata.get("user_id")
    if not isinstance(user_id, str) or not user_id or _CLAUDE_CODE.match(user_id, 0, _MOST_READ):
        return ""
    if settings.STORE_END_USERS == "hash":
        return _hashed(user_id[:_MOST_READ], settings.SECRET_KEY)
    return user_id[:LONGEST] if settings.STORE_END_USERS == "plain" else ""


def _hashed(user_id: str, secret: str) -> str:
    """Returns 128 bits of a keyed hash: who has a list of names, but not the key, cannot find out which it is."""
    return hmac.digest(_key(secret), user_id.encode(errors="surrogatepass"), "sha256").hex()[:32]


@lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"usage.end_user\0" + secret.encode()).digest()
