"""Who is signed in in a session, for what has no request of a page: the same that middleware would say."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from access.sign_in.middleware import is_over
from access.sign_in.sessions import SessionStore


def person_of(row_key: str) -> User | None:
    """Returns the person of the session with this row (`sessions.row_key`), active or not; None where it has ended: by
    signing out, a new password, or its age. Nothing is written."""
    row = Session.objects.filter(session_key=row_key, expire_date__gt=timezone.now()).first()
    if row is None:
        return None
    session = SessionStore().decode(row.session_data)
    if is_over(session) or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    person = User.objects.filter(pk=str(session[SESSION_KEY])).first()
    if person is None:
        return None
    known = str(session.get(HASH_SESSION_KEY, ""))
    hashes = (person.get_session_auth_hash(), *person.get_session_auth_fallback_hash())
    return person if any(constant_time_compare(known, one) for one in hashes) else None
