"""A secret that was typed into a form which comes back because of an error elsewhere: the page keeps it, sealed.

Nobody reads it there: it is encrypted as stored secrets are. It is taken back for an hour, from the session of the
person who typed it, and from no other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordWidget

from providers import secrets

_SECONDS: Final = 3600


def owner_of(request: HttpRequest) -> str:
    """Returns whose the secrets are that a request types."""
    return f"{request.user.pk} {request.session.session_key}"


def sealed(secret: str, owner: str) -> str:
    """Returns what a page may keep of a secret; "" where nothing can be encrypted."""
    try:
        return secrets.encrypt(json.dumps([secret, owner, time.time() + _SECONDS]))
    except ImproperlyConfigured:
        return ""


def opened(token: str, owner: str) -> str:
    """Returns the secret that `owner` typed, "" where the token is another's, too old, or none."""
    try:
        secret, whose, until = json.loads(secrets.decrypt(token))
    except (secrets.UnreadableSecret, ImproperlyConfigured, ValueError, TypeError):
        return ""
    return str(secret) if whose == owner and time.time() < until else ""


class KeptSecretWidget(UnfoldAdminPasswordWidget):
    """A password field that is never filled in, and beside it what was typed before, sealed."""

    owner = ""
    """Whose form it is: set by the form."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What is typed now, or else what was typed before."""
        typed = super().value_from_datadict(data, files, name)
        return typed or opened(str(data.get(f"{name}-kept", "")), self.owner)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Shows that something was typed, and not what."""
        token = sealed(str(value), self.owner) if value else ""
        hint = {"placeholder": "entered, and not saved yet"} if token else {}
        field = super().render(name, None, {**(attrs or {}), **hint}, renderer)
        return format_html('{}<input type="hidden" name="{}-kept" value="{}">', field, name, token) if token else field
