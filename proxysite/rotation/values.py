"""What the keys protect in the database: encrypted texts wherever they are in the configuration, signed sessions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from access import audit
from access.models import AuditEntry, AuditHead
from access.sign_in.sessions import SessionStore

_TOKEN = re.compile(r"gAAAAA[A-Za-z0-9_-]{92,}={0,2}")
"""A text that Fernet encrypted: a version, a time until 2106, at least one block (https://github.com/fernet/spec)."""
_ROOMS = ("access", "providers", "routing", "streaming", "configuration", "proxysite", "state")
"""Whose models are looked through. Usage rows hold nothing encrypted."""
_TEXTS = (models.CharField, models.TextField, models.JSONField)


class NotVerified(Exception):
    """A text does not read the same after it was encrypted anew; nothing was changed."""


class Report(msgspec.Struct):
    """How many values there are, by what was found about them; `unreadable` names rows and fields."""

    current: int = 0
    earlier: int = 0
    unreadable: list[str] = msgspec.field(default_factory=list)
    sessions: int = 0
    earlier_sessions: int = 0


def survey() -> Report:
    """Looks at every value and changes nothing."""
    report = Report()
    for row, field in _fields():
        _each_token(getattr(row, field), _judge(report, row, field))
    for _, _, current in _sessions():
        report.sessions += 1
        report.earlier_sessions += not current
    return report


def renew() -> Report:
    """Encrypts every value under the first key, and signs every session with SECRET_KEY: all of them, or none.

    Raises NotVerified.
    """
    with transaction.atomic():
        audit.lock()
        before = survey()
        for row, field in _fields(lock=True):
            old = getattr(row, field)
            new = _each_token(old, _encrypted_anew)
            if new != old:
                # Not save(): other fields, and what a model does on saving, are left alone.
                type(row)._default_manager.filter(pk=row.pk).update(**{field: new})
        _sign_sessions()
        after = survey()
        if after.earlier or after.current != before.current + before.earlier or after.unreadable != before.unreadable:
            raise NotVerified("The values do not read as they did, so nothing was changed.")
    before.sessions = after.sessions
    return before


def _fields(*, lock: bool = False) -> Iterator[tuple[Any, str]]:
    """Every row with every field of it that holds texts."""
    for room in _ROOMS:
        for model in apps.get_app_config(room).get_models():
            if model in (AuditEntry, AuditHead):
                # Nothing encrypted is in there, and nothing in there is ever changed.
                continue
            names = [field.name for field in model._meta.concrete_fields if isinstance(field, _TEXTS)]
            rows = model._default_manager.order_by("pk")
            for row in rows.select_for_update() if lock else rows:
                for name in names:
                    yield row, name


def _each_token(value: Any, change: Callable[[str], str]) -> Any:
    """Returns the value with each encrypted text in it changed, at whatever depth."""
    if isinstance(value, str):
        return _TOKEN.sub(lambda match: change(match[0]), value)
    if isinstance(value, dict):
        return {key: _each_token(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_token(item, change) for item in value]
    return value


def _boxes() -> tuple[Fernet | None, MultiFernet | None]:
    keys = [Fernet(key) for key in settings.ENCRYPTION_KEYS]
    return (keys[0], MultiFernet(keys)) if keys else (None, None)


def _judge(report: Report, row: Any, field: str) -> Callable[[str], str]:
    first, every = _boxes()

    def judge(token: str) -> str:
        if first is not None and _read(first, token) is not None:
            report.current += 1
        elif every is not None and _read(every, token) is not None:
            report.earlier += 1
        else:
            report.unreadable.append(f"{row._meta.verbose_name} {row}: {field}")
        return token

    return judge


def _read(box: Fernet | MultiFernet, token: str) -> bytes | None:
    try:
        return box.decrypt(token.encode())
    except InvalidToken:
        return None


def _encrypted_anew(token: str) -> str:
    first, every = _boxes()
    if first is None or every is None or _read(first, token) is not None:
        return token
    plain = _read(every, token)
    if plain is None:
        return token
    new = first.encrypt(plain).decode()
    if _read(first, new) != plain:
        raise NotVerified("A value does not read as it did, so nothing was changed.")
    return new


def _sessions() -> Iterator[tuple[Session, dict[str, Any], bool]]:
    """The sessions that SECRET_KEY or an earlier one signed: row, data, whether it was the current one."""
    salt = SessionStore().key_salt
    for row in Session.objects.filter(expire_date__gt=timezone.now()):
        data = SessionStore().decode(row.session_data)
        if not data:
            continue
        try:
            signing.loads(row.session_data, salt=salt, serializer=SessionStore().serializer, fallback_keys=[])
            current = _current_hash(data) is None
        except signing.BadSignature:
            current = False
        yield row, data, current


def _sign_sessions() -> None:
    for row, data, current in _sessions():
        if current:
            continue
        if (renewed := _current_hash(data)) is not None:
            data[HASH_SESSION_KEY] = renewed
        # A session that a request has changed meanwhile is left to that request.
        Session.objects.filter(pk=row.pk, session_data=row.session_data).update(
            session_data=SessionStore().encode(data)
        )


def _current_hash(data: dict[str, Any]) -> str | None:
    """The hash of the user's password under SECRET_KEY, where the session has that under an earlier one."""
    user = User.objects.filter(pk=data.get(SESSION_KEY, 0)).first()
    if user is None:
        return None
    stored, wanted = data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    if constant_time_compare(stored, wanted):
        return None
    earlier = any(constant_time_compare(stored, one) for one in user.get_session_auth_fallback_hash())
    return wanted if earlier else None
