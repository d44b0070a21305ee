"""Who is calling, by what its software says of itself: kind, version, session."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

_KINDS = (
    # user agent's beginning -> kind, as of November 2026
    ("claude-cli/", "claude-code"),
    ("claude-code/", "claude-code"),
    ("anthropic/python", "sdk-python"),
    ("asyncanthropic/python", "sdk-python"),
    ("anthropic/js", "sdk-typescript"),
    ("anthropic/", "sdk"),
    ("curl/", "curl"),
)
_VERSION = re.compile(r"[/ ]v?(\d{1,9}(?:\.\d{1,9})*)", re.ASCII)


@lru_cache(maxsize=512)
def identify(user_agent: str) -> tuple[str, str]:
    """Kind and version of a client, such as ("claude-code", "2.1.330"); "" for what cannot be told."""
    lowered = user_agent.lower()
    kind = next((kind for start, kind in _KINDS if lowered.startswith(start)), "")
    version = _VERSION.search(user_agent)
    return kind, version[1] if version is not None else ""


def session_id(request: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The session a client names: in a header of Claude Code's, or inside metadata.user_id (JSON, or `…_session_…`)."""
    named = headers.get("x-claude-code-session-id") or headers.get("x-claude-session-id")
    if named:
        return named
    metadata = request.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user_id, str):
        return ""
    if user_id.startswith("{"):
        try:
            parsed = msgspec.json.decode(user_id)
        except msgspec.DecodeError:
            return ""
        session = parsed.get("session_id") if isinstance(parsed, dict) else None
        return session if isinstance(session, str) else ""
    return user_id.partition("_session_")[2]
