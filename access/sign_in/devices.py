"""Devices that somebody signed in on: a signed cookie that others' failed attempts cannot take away
(https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies). It proves no identity."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from access.sign_in.throttle import KNOWN_SECONDS, account_of

COOKIE = "known_device"
_SALT = "access.sign_in.devices"
_MOST_ACCOUNTS = 5


def device_for(request: HttpRequest, username: str) -> str | None:
    """Returns the id of the request's device if this account signed in on it before."""
    device, accounts = _read(request)
    return device if _mark(username) in accounts else None


def remember(request: HttpRequest, response: HttpResponse, username: str) -> None:
    """Adds the account to those of the device. Each sign-in renews the cookie."""
    device, accounts = _read(request)
    mark = _mark(username)
    accounts = [mark, *(one for one in accounts if one != mark)][:_MOST_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps([device or secrets.token_urlsafe(16), accounts], salt=_SALT),
        max_age=KNOWN_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str | None, list[str]]:
    try:
        device, accounts = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=KNOWN_SECONDS)
    except signing.BadSignature:
        return None, []
    return device, accounts


def _mark(username: str) -> str:
    # Not keyed: it lasts when SECRET_KEY is replaced. Only who holds the cookie sees it.
    return salted_hmac(_SALT, account_of(username), secret="", algorithm="sha256").hexdigest()[:16]
