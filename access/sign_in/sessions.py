"""Sessions in the database whose ids are not: a row is found by the hash of what the cookie holds, so that nobody signs
in with what a backup holds."""

from __future__ import annotations

import hashlib
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.utils import timezone


def row_key(session_key: str) -> str:
    """Returns the primary key of a session's row: 160 bits of its SHA-256, as long as the column."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's store. The name of the class is part of what signs a session's data."""

    def exists(self, session_key: str) -> bool:
        """Returns whether there is a session of this id."""
        return Session.objects.filter(session_key=row_key(session_key)).exists()

    def create_model_instance(self, data: Any) -> AbstractBaseSession:
        """Returns the row of the session, unsaved."""
        row = super().create_model_instance(data)
        row.session_key = row_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Deletes a session, by default this one."""
        key = self.session_key if session_key is None else session_key
        if key is not None:
            Session.objects.filter(session_key=row_key(key)).delete()

    def _get_session_from_db(self) -> Session | None:
        key = row_key(self.session_key or "")
        row = Session.objects.filter(session_key=key, expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    async def aexists(self, session_key: str) -> bool:
        """Returns whether there is a session of this id."""
        return await sync_to_async(self.exists)(session_key)

    async def acreate_model_instance(self, data: Any) -> AbstractBaseSession:
        """Returns the row of the session, unsaved."""
        row = await super().acreate_model_instance(data)
        row.session_key = row_key(row.session_key)
        return row

    async def adelete(self, session_key: str | None = None) -> None:
        """Deletes a session, by default this one."""
        await sync_to_async(self.delete)(session_key)

    async def _aget_session_from_db(self) -> Session | None:
        return await sync_to_async(self._get_session_from_db)()
