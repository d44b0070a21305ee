"""One-time links and where their tokens stay: no page that has a form or loads a file has the token in its address.

A link sets a cookie that this browser sends to /my/ alone, and leads on to a page without it. So the token is in no
Referer, in no session of the database, and in no address that stays in view.
"""

from __future__ import annotations

import re
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from proxysite.my.site import private

_PATH = "/my/"
_LIFETIME = timedelta(hours=1)
_LONGEST = 100
_IN_NO_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
"""Cookies take no such characters, or not as they are."""


def follow(name: str, token: str, to: str) -> HttpResponse:
    """Returns the answer to a link: on to the page `to`, with the token in the cookie `name`.

    That page says what is wrong with a token that is none, of a link that was damaged on its way.
    """
    response = private(redirect(to))
    response["Referrer-Policy"] = "no-referrer"
    response.set_cookie(
        name,
        _IN_NO_TOKEN.sub("~", token[:_LONGEST]),
        max_age=_LIFETIME,
        path=_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        # Strict would not be sent behind a link in a mail.
        samesite="Lax",
    )
    return response


def token_of(request: HttpRequest, name: str) -> str:
    """Returns the token that a link left in this browser, or nothing."""
    return request.COOKIES.get(name, "")


def forget(response: HttpResponse, name: str) -> HttpResponse:
    """Takes the token away."""
    response.delete_cookie(name, path=_PATH, samesite="Lax")
    return response
