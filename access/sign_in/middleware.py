"""What sign-ins add to Django's requests and responses: limits of a session, known devices, the status of a refusal."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from access.sign_in import devices

SIGNED_IN = "signed_in_at"
SEEN = "seen_at"
_SEEN_STEP = 60.0
"""Seconds between two writes of when a session was last used."""


class SignInMiddleware(MiddlewareMixin):
    """Ends sessions that are too old or were not used for too long. Both times are in the session, for all workers."""

    def process_request(self, request: HttpRequest) -> None:
        """Signs out whoever has been signed in, or away, for longer than the settings allow."""
        session = request.session
        if SESSION_KEY not in session:
            return
        now = time.time()
        if is_over(session):
            logout(request)
            return
        # A session from before these limits begins now.
        began, seen = session.get(SIGNED_IN, now), session.get(SEEN, now)
        step = min(_SEEN_STEP, (settings.SESSION_IDLE_SECONDS or _SEEN_STEP) / 10)
        if SIGNED_IN not in session or now - seen >= step or SEEN not in session:
            session[SIGNED_IN], session[SEEN] = began, now

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Remembers the device of a sign-in, and gives a refused one its status."""
        if wait := getattr(request, "sign_in_retry_after", None):
            response.status_code = 429
            response["Retry-After"] = str(wait)
        if user := getattr(request, "signed_in_user", None):
            devices.remember(request, response, user.get_username())
        return response


def is_over(session: Any) -> bool:
    """Returns whether a session, or what one holds, is too old or was not used for too long."""
    now = time.time()
    began, seen = session.get(SIGNED_IN, now), session.get(SEEN, now)
    return _beyond(settings.SESSION_MAX_SECONDS, now - began) or _beyond(settings.SESSION_IDLE_SECONDS, now - seen)


def _beyond(limit: float, seconds: float) -> bool:
    return 0 < limit < seconds


def on_signed_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Notes the time in the new session, and that the response shall remember the device (signal user_logged_in)."""
    if request is None:
        return
    request.session[SIGNED_IN] = request.session[SEEN] = time.time()
    request.signed_in_user = user  # type: ignore[attr-defined]
