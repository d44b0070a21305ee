"""The form of the admin's sign-in page. It says when to try again, where the limits on sign-ins refused an attempt."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Name and password."""

    def get_invalid_login_error(self) -> Any:
        """Returns the error of an attempt that failed or was not made."""
        wait: int | None = getattr(self.request, "sign_in_retry_after", None)
        if wait is None:
            return super().get_invalid_login_error()
        when = f"{wait} seconds" if wait < 120 else f"{-(-wait // 60)} minutes"
        return ValidationError(
            f"There were too many attempts to sign in, so this one was not checked. Try again in {when}. "
            "A browser in which you signed in before does not have to wait for others' attempts.",
            code="throttled",
        )
