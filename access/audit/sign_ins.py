"""Entries about sign-ins: those that succeed, ends of sessions, and refused ones, which are counted.

A refused attempt costs its sender nothing, so entries about them are bounded: of one account from one address (of those
that limits refused: of one address) the 1st, 10th, 100th ... in an hour, in each process.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from access.audit import context, writer
from access.sign_in.throttle import account_of

_MOST = 1000
"""Pairs of accounts and addresses with counts of their own, in an hour; the others are counted together."""
_HOUR = 3600

_lock = threading.Lock()
_counts: dict[tuple[str, str], int] = {}
_hour = 0


def connect() -> None:
    """Connects Django's signals."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_refused, dispatch_uid="audit")


def _signed_in(user: Any, request: Any, **kwargs: Any) -> None:
    writer.record("signed in", user, who=_who(request, user))


def _signed_out(user: Any, request: Any, **kwargs: Any) -> None:
    if user is not None and user.is_authenticated:
        writer.record("signed out", user, who=_who(request, user))


def _refused(credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
    if request is None:
        return
    who = _who(request, None)
    throttled = getattr(request, "sign_in_retry_after", None) is not None
    account = "" if throttled else account_of(str(credentials.get("username", "")))[:150]
    number = _count(account, who.address)
    if not _is_round(number):
        return
    # What somebody entered as their name may be their password.
    known = None if throttled else User.objects.filter(username__iexact=account).first()
    name = "beyond a limit" if throttled else "" if known is not None else "a name that nobody has"
    changes = {"of this kind in this hour": number} if number > 1 else None
    writer.record("sign-in refused", known, changes, who=who, name=name)


def _who(request: Any, user: Any) -> context.Who:
    who = context.of_page(request) if request is not None else context.current()
    if user is None:
        return context.Who(who.origin, None, "", who.address)
    return context.Who(who.origin, user.pk, user.get_username(), who.address)


def _count(account: str, address: str) -> int:
    """Counts one attempt and returns its number in this hour."""
    global _hour
    with _lock:
        hour = int(time.time()) // _HOUR
        if hour != _hour:
            _counts.clear()
            _hour = hour
        key = (account, address)
        if key not in _counts and len(_counts) >= _MOST:
            key = ("", "")
        _counts[key] = _counts.get(key, 0) + 1
        return _counts[key]


def _is_round(number: int) -> bool:
    return str(number).strip("0") == "1"
