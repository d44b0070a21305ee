"""A new secret, of a client key or in a link, until somebody has copied it: a reload does not lose it.

The session holds it encrypted, and a cookie of the same browser holds the key to that, for ten minutes. So neither the
database nor the cookie alone gives it away, and no address, log line or redirect has it.
"""

from __future__ import annotations

import time
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

COOKIE: Final = "new_secret"
SECONDS: Final = 600


def keep(request: HttpRequest, response: HttpResponse, of: str, secret: str) -> None:
    """Keeps a secret for this browser, in place of one before. `of` says what it belongs to, such as "key 5"."""
    box = Fernet.generate_key()
    sealed = Fernet(box).encrypt(secret.encode()).decode()
    request.session[COOKIE] = {"of": of, "sealed": sealed, "until": time.time() + SECONDS}
    response.set_cookie(
        COOKIE,
        box.decode(),
        max_age=SECONDS,
        path=reverse("my:index"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def read(request: HttpRequest, of: str) -> str | None:
    """Returns the kept secret, None where there is none any more."""
    kept = request.session.get(COOKIE)
    if kept is None or kept["of"] != of or kept["until"] < time.time():
        return None
    try:
        return Fernet(request.COOKIES.get(COOKIE, "")).decrypt(kept["sealed"]).decode()
    except (ValueError, InvalidToken):
        return None


def forget(request: HttpRequest, response: HttpResponse) -> None:
    """Drops what is kept."""
    request.session.pop(COOKIE, None)
    response.delete_cookie(COOKIE, path=reverse("my:index"), samesite="Strict")
