"""Checks names and passwords, within the limits on sign-ins. Every form that signs somebody in comes through here."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from access.addresses import block_of, client_behind
from access.sign_in import devices, hashing, throttle

_BUSY_SECONDS = 2


class SignInBackend(ModelBackend):
    """Django's, with limits for whoever comes over HTTP. A refusal sets `request.sign_in_retry_after`."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """Returns the user whose name and password these are, or None. Raises PermissionDenied beyond a limit."""
        username = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        if request is None or username is None or password is None:
            return super().authenticate(request, username=username, password=password, **kwargs)
        device = devices.device_for(request, username)
        try:
            with hashing.place(known=device is not None):
                attempt = throttle.begin(username, address_of(request), device)
                user = super().authenticate(request, username=username, password=password, **kwargs)
                if user is not None:
                    throttle.succeeded(attempt)
                return user
        except throttle.TooManyAttempts as refusal:
            wait = refusal.retry_after
        except hashing.QueueFull:
            wait = _BUSY_SECONDS
        request.sign_in_retry_after = wait  # type: ignore[attr-defined]
        raise PermissionDenied

    async def aauthenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """Does the same, on a thread."""
        return await sync_to_async(self.authenticate)(request, username=username, password=password, **kwargs)


def address_of(request: HttpRequest) -> str:
    """Returns what the client is counted by, wherever it comes from behind proxies of our own."""
    forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return block_of(client_behind(request.META.get("REMOTE_ADDR", ""), forwarded_for, tuple(settings.TRUSTED_PROXIES)))
