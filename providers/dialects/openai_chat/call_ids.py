"""Ids of tool calls, both ways: a client sees only letters, digits, "_" and "-", a server gets its own id back.

Kimi's ids are `functions.Bash:0`, and the model minds them; La Plateforme wants nine letters and digits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from providers.dialects.openai_chat.profiles.profile import Profile
from providers.fidelity import Fidelity, Notes

_GOOD = re.compile(r"[a-zA-Z0-9_-]{1,256}")
_SHORT = re.compile(r"[a-zA-Z0-9]{9}")
_SPELLED = "px1_"
_LIMIT = 40
"""OpenAI refuses longer ids, and another provider may have made this one."""


def client_call_id(upstream_id: str) -> str | None:
    """The id as a client may see it; None for one that cannot be spelled out."""
    if _GOOD.fullmatch(upstream_id):
        return upstream_id
    spelled = base64.urlsafe_b64encode(upstream_id.encode("utf-8", "replace")).decode().rstrip("=")
    return f"{_SPELLED}{spelled}" if 0 < len(spelled) <= 128 else None


def upstream_call_id(call_id: str, profile: Profile, notes: Notes) -> str:
    """The id on the other side; the same for the same id, always."""
    told = _own_spelling(call_id)
    if profile.short_call_ids:
        # La Plateforme's older models: "must be a-z, A-Z, 0-9, with a length of 9".
        if _SHORT.fullmatch(told):
            return told
        notes.add(Fidelity.CALL_ID_CHANGED)
        return hashlib.sha256(told.encode()).hexdigest()[:9]
    if len(told) <= _LIMIT:
        return told
    notes.add(Fidelity.CALL_ID_CHANGED)
    return f"call_{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def _own_spelling(call_id: str) -> str:
    """The server's own id behind one that was spelled out for the client."""
    if not call_id.startswith(_SPELLED):
        return call_id
    payload = call_id.removeprefix(_SPELLED)
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True).decode() or call_id
    except (binascii.Error, ValueError):
        return call_id
