"""A new password: by a link in a mail or from `./gateway reset_link` for who forgot theirs, or with the old one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from unfold.sites import UnfoldAdminSite

from access import mail
from access.sign_in import devices, hashing, reset, throttle
from access.sign_in.backend import address_of
from proxysite.console.sign_in import wait_in_words
from proxysite.my.site import page as render
from proxysite.my.site import private
from proxysite.people import links
from proxysite.people.forms import BUSY, AskForm, ChangePasswordForm, NewPasswordForm

COOKIE = "password_link"
_ASKED = (
    "If there is an account of this name or address, and it has an e-mail address, a link to a new password is on its "
    "way. It works once, for an hour."
)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Mails a link to who forgot their password. The answer is the same whether there is such an account or not."""
    form = AskForm(request.POST or None)
    asked = False
    if request.method == "POST" and mail.is_configured() and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            throttle.ask_for_link(name, address_of(request), devices.device_for(request, name))
        except throttle.TooManyAttempts as refusal:
            request.sign_in_retry_after = refusal.retry_after  # type: ignore[attr-defined]
            form.add_error(None, f"There were too many attempts. Try again in {wait_in_words(refusal.retry_after)}.")
        else:
            reset.mail_links(name, settings.PUBLIC_URL)
            asked = True
    context = {"form": form, "mails": mail.is_configured(), "asked": _ASKED if asked else ""}
    return private(render(request, "people/ask.html", "Forgot your password?", **context))


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Leads from a link to the form for the new password."""
    return links.follow(COOKIE, token, reverse("people:new-password"))


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Takes the new password."""
    person = reset.person_of(links.token_of(request, COOKIE))
    if person is None:
        answer = private(render(request, "people/no_link.html", "This link does not work any more"))
        answer.status_code = 404
        return answer
    form = NewPasswordForm(person, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            form.set_password()
        except hashing.QueueFull:
            form.add_error(None, BUSY)
        else:
            messages.success(request, "Your password was changed, and every session ended. Sign in with the new one.")
            return links.forget(redirect("admin:login" if person.is_staff else "my:login"), COOKIE)
    return private(render(request, "people/new_password.html", f"A new password for {person}", form=form))


class OwnPasswordForm(ChangePasswordForm):
    """A new password for who is signed in. The old one is checked within the limits on sign-ins."""

    def __init__(self, user: Any, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        self._request = request
        super().__init__(user, *args, **kwargs)

    def clean_old_password(self) -> str:
        """Returns the old password if it is right."""
        old: str = self.cleaned_data["old_password"]
        if authenticate(self._request, username=self.user.get_username(), password=old) == self.user:
            return old
        wait: int | None = getattr(self._request, "sign_in_retry_after", None)
        if wait is None:
            raise ValidationError("This is not your old password. Enter it again.", code="password_incorrect")
        raise ValidationError(
            f"There were too many attempts, so the password was not checked. Try again in {wait_in_words(wait)}.",
            code="throttled",
        )


class OwnPassword(PasswordChangeView):
    """The page on which somebody changes their own password, of the admin and of /my/."""

    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Returns what the form is made of."""
        return {**super().get_form_kwargs(), "request": self.request}


def own(of: UnfoldAdminSite) -> Any:
    """Returns the view for one site."""

    def page(request: HttpRequest) -> HttpResponseBase:
        request.current_app = of.name
        template = of.password_change_template or "registration/password_change_form.html"
        view = OwnPassword.as_view(
            template_name=template,
            success_url=reverse_lazy(f"{of.name}:password_change_done"),
            extra_context=of.each_context(request),
        )
        return view(request)

    return of.admin_view(page)
