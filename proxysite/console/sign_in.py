"""Signing in: one form for the admin and for /my/, and the way to one's own pages for people who administer nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm as DjangoAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Name and password. It says when to try again, where the limits on sign-ins refused an attempt."""

    error_messages = DjangoAuthenticationForm.error_messages

    def confirm_login_allowed(self, user: Any) -> None:
        """Lets every active user in: what they may do there is for the pages to say."""
        DjangoAuthenticationForm.confirm_login_allowed(self, user)

    def get_invalid_login_error(self) -> Any:
        """Returns the error of an attempt that failed or was not made."""
        wait: int | None = getattr(self.request, "sign_in_retry_after", None)
        if wait is None:
            return super().get_invalid_login_error()
        return ValidationError(
            "There were too many attempts to sign in, so this one was not checked. "
            f"Try again in {wait_in_words(wait)}. "
            "A browser in which you signed in before does not have to wait for others' attempts.",
            code="throttled",
        )


def wait_in_words(seconds: int) -> str:
    """Returns how long somebody has to wait, in seconds or minutes."""
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


def is_member_only(user: Any) -> bool:
    """Returns whether somebody is signed in who has nothing to look for in the admin."""
    return bool(user.is_active and not user.is_staff)


def page(request: HttpRequest) -> HttpResponse:
    """The admin's sign-in page. Whoever is not staff is led from it to /my/."""
    if request.method == "GET" and is_member_only(request.user):
        return redirect("my:index")
    response = admin.site.login(request)
    if response.status_code == 302 and is_member_only(request.user):
        return redirect("my:index")
    return response
