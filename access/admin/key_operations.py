"""What the page of a client key offers: rotate, disable, enable, revoke, and delete what has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from access import key_actions
from access.connect import base_url
from access.key_actions import LONGEST_OVERLAP, OVERLAP, Action, KeyRefused, why_not
from access.key_format import PLACEHOLDER
from access.key_records import is_being_rotated
from access.keys import NewKey
from access.models import ClientKey
from proxysite.my.site import private

_HOUR = timedelta(hours=1)
_UNDER_WAY = f"Answers under way {'are cut' if settings.REVOKED_KEYS == 'cut' else 'finish'}."


class RotateForm(forms.Form):
    """How long the present secret stays valid. `present` is the prefix of the secret that it is about."""

    present = forms.CharField(widget=forms.HiddenInput())
    hours = forms.IntegerField(
        label="Hours that the present secret stays valid",
        min_value=0,
        max_value=LONGEST_OVERLAP // _HOUR,
        initial=OVERLAP // _HOUR,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Until then both secrets work, so that callers can change to the new one. 0: it ends at once.",
    )


class KeyOperations:
    """The actions of the pages of client keys, by `access.key_actions`."""

    actions = ["disable_selected", "enable_selected", "revoke_selected"]
    change_form_outer_after_template = "access/key_lines.html"
    actions_detail = ["rotate", "disable", "enable", "revoke"]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns the actions that the key's state allows."""
        key = ClientKey.objects.filter(pk=object_id).first()
        possible = set() if key is None else set(key_actions.actions(request.user, key))
        found: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [one for one in found if one.path in possible]

    # --- one key -----------------------------------------------------------------------------------------------------
    @action(description="Rotate", icon="autorenew", permissions=["change"])
    def rotate(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks how long the present secret stays valid, then shows the new one, once."""
        key = self.get_object(request, object_id)
        if key is None:
            return HttpResponseRedirect(reverse("admin:access_clientkey_changelist"))
        # A reload sends the form again, with the prefix of a secret that is no longer the present one.
        form = RotateForm(request.POST or None, initial={"present": key.prefix})
        if request.method == "POST" and form.is_valid():
            if form.cleaned_data["present"] != key.prefix:
                messages.warning(request, f"{key.name} was rotated already. The secret is shown only once.")
                return HttpResponseRedirect(_page(key.pk))
            try:
                new = key_actions.rotate(request.user, key, _HOUR * form.cleaned_data["hours"])
            except KeyRefused as error:
                messages.error(request, error.message)
                return HttpResponseRedirect(_page(key.pk))
            self.log_change(request, key, "Rotated.")
            context = self.admin_site.each_context(request)
            return page_with_secret(context, request, key, new, "Client key rotated")
        context = {**self.admin_site.each_context(request), "title": f"Rotate {key.name}", "opts": self.opts}
        context |= {"key": key, "form": form, "being_rotated": is_being_rotated(key)}
        return TemplateResponse(request, "access/key_rotate.html", context)

    @action(
        description="Disable",
        icon="pause_circle",
        permissions=["change"],
        dialog={
            "title": "Disable this client key?",
            "description": f"Callers that use it are rejected within a second, until you enable it. {_UNDER_WAY}",
            "form_submit_text": "Disable the key",
        },
    )
    def disable(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Disables one key, once its dialog is confirmed by POST."""
        return self._one(request, object_id, Action.DISABLE)

    @action(
        description="Enable",
        icon="play_circle",
        permissions=["change"],
        dialog={
            "title": "Enable this client key?",
            "description": "Callers that use it are accepted within a second.",
            "form_submit_text": "Enable the key",
        },
    )
    def enable(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Enables one key, once its dialog is confirmed by POST."""
        return self._one(request, object_id, Action.ENABLE)

    @action(
        description="Revoke",
        icon="block",
        permissions=["change"],
        variant=ActionVariant.DANGER,
        dialog={
            "title": "Revoke this client key?",
            "description": f"Callers that use it are rejected within a second. {_UNDER_WAY} This cannot be undone: "
            "disable the key if you are not sure. Its usage stays in all reports.",
            "form_submit_text": "Revoke the key",
        },
    )
    def revoke(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Revokes one key, once its dialog is confirmed by POST."""
        return self._one(request, object_id, Action.REVOKE)

    def _one(self, request: HttpRequest, object_id: str, what: Action) -> HttpResponse:
        self._all(request, ClientKey.objects.filter(pk=object_id), what)
        return HttpResponse(headers={"HX-Redirect": _page(object_id)})

    # --- several -----------------------------------------------------------------------------------------------------
    @admin.action(description="Disable selected client keys", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> None:
        """Disables the selected keys."""
        self._all(request, queryset, Action.DISABLE)

    @admin.action(description="Enable selected client keys", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> None:
        """Enables the selected keys."""
        self._all(request, queryset, Action.ENABLE)

    @admin.action(description="Revoke selected client keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> None:
        """Revokes the selected keys."""
        self._all(request, queryset, Action.REVOKE)

    def _all(self: Any, request: HttpRequest, keys: QuerySet[ClientKey], what: Action) -> None:
        run, done = _RUN[what]
        changed = []
        for key in ClientKey.objects.filter(pk__in=keys.values("pk")).select_related("team"):
            try:
                run(request.user, key)
            except KeyRefused as error:
                messages.warning(request, error.message)
            else:
                self.log_change(request, key, f"{done}.")
                changed.append(str(key))
        if changed:
            messages.success(request, f"{done}: {', '.join(changed)}.")

    # --- deleting ----------------------------------------------------------------------------------------------------
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Returns what a deletion takes along; a key that has not ended is in its way."""
        found, count, needed, protected = super().get_deleted_objects(objs, request)  # type: ignore[misc]
        return found, count, needed, [*protected, *filter(None, (why_not(Action.DELETE, key) for key in objs))]

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuses to delete a key that has not ended."""
        key = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        may_delete = key is not None and self.has_delete_permission(request, key)  # type: ignore[attr-defined]
        if may_delete and (refused := why_not(Action.DELETE, key)):
            messages.error(request, refused)
            return HttpResponseRedirect(_page(key.pk))
        page: HttpResponse = super().delete_view(request, object_id, extra_context)  # type: ignore[misc]
        return page

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Shows the lines to paste again, and offers to delete a key only once it has ended."""
        key = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        extra = {
            "show_delete": key is None or not why_not(Action.DELETE, key),
            "secret": PLACEHOLDER,
            "base_url": base_url(request),
            **(extra_context or {}),
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, extra)  # type: ignore[misc]
        return page


_RUN: dict[Action, tuple[Callable[[Any, ClientKey], None], str]] = {
    Action.DISABLE: (key_actions.disable, "Disabled"),
    Action.ENABLE: (key_actions.enable, "Enabled"),
    Action.REVOKE: (key_actions.revoke, "Revoked"),
}


def page_with_secret(
    context: dict[str, Any], request: HttpRequest, key: ClientKey, new: NewKey, title: str
) -> HttpResponse:
    """Returns the page that shows a secret, the only time."""
    context |= {
        "title": title,
        "opts": key._meta,
        "key": key,
        "secret": new.secret,
        "being_rotated": is_being_rotated(key),
        "base_url": base_url(request),
    }
    response = TemplateResponse(request, "access/key_created.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return private(response)


def _page(key_id: Any) -> str:
    return reverse("admin:access_clientkey_change", args=[key_id])
