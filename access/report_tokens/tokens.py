"""Makes report tokens, and finds the one that a program sent. Knows no HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from access.key_format import PREFIX as CLIENT_KEY_PREFIX
from access.key_format import is_whole, new_secret
from access.keys import hash_key
from access.report_tokens.models import ReportToken

PREFIX: Final = "rpt-"
PATTERN: Final = r"rpt-[0-9A-Za-z]{49}"
"""What a report token looks like, for scanners of leaked secrets."""
_SHOWN: Final = len(PREFIX) + 4
_USE_STEP: Final = timedelta(minutes=1)
"""The time between two writes of when a token was last used."""


class TokenRefused(Exception):
    """No token in force was sent. `code` is for programs, the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def give_secret(token: ReportToken) -> str:
    """Sets the prefix and the hash of a new token, unsaved, and returns its secret: show it once."""
    secret = new_secret(PREFIX)
    token.prefix, token.hash = secret[:_SHOWN], hash_key(secret)
    return secret


def token_of(secret: str) -> ReportToken:
    """Returns the token with this secret, its team loaded, and notes its use. Raises TokenRefused.

    What has not the format of a token is not looked up. The look-up is by hash, so its time reveals nothing about any.
    """
    if secret.startswith(CLIENT_KEY_PREFIX):
        raise TokenRefused(
            "token_unknown",
            f"This is a client key, which reads no reports. Send a report token, which begins with {PREFIX}: an "
            "administrator of this gateway makes one.",
        )
    token = None
    if is_whole(secret, PREFIX):
        token = ReportToken.objects.select_related("team").filter(hash=hash_key(secret)).first()
    if token is None:
        raise TokenRefused(
            "token_unknown",
            "This report token is unknown: it was deleted, or not copied whole. Ask an administrator of this gateway "
            "for a new one.",
        )
    if not token.enabled:
        raise TokenRefused(
            "token_disabled",
            f"The report token {token.prefix}… is disabled. Ask an administrator of this gateway to enable it.",
        )
    if token.expires_at is not None and token.expires_at <= timezone.now():
        raise TokenRefused(
            "token_expired",
            f"The report token {token.prefix}… has expired. Ask an administrator of this gateway for a new one.",
        )
    _note_use(token)
    return token


def state_of(token: ReportToken) -> str:
    """Returns whether a token works: active, disabled or expired."""
    if not token.enabled:
        return "disabled"
    return "expired" if token.expires_at is not None and token.expires_at <= timezone.now() else "active"


def _note_use(token: ReportToken) -> None:
    now = timezone.now()
    if token.last_used_at is not None and token.last_used_at > now - _USE_STEP:
        return
    # Of several processes at once, one writes.
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - _USE_STEP)
    ReportToken.objects.filter(due, pk=token.pk).update(last_used_at=now)
