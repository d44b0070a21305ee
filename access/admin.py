"""Teams and client keys in the admin. A key's secret is shown in the response to the form that created it and nowhere
else: no redirect, session or message holds it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, TextField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from access.connect import base_url
from access.keys import new_key
from access.models import ClientKey, Team
from access.permissions import MOVE_KEY, may
from usage.models import RequestLog


@admin.register(Team)
class TeamAdmin(ModelAdmin):
    """Teams, with a link to their keys."""

    list_display = ["name", "enabled", "keys", "created_at"]
    list_filter = ["enabled"]
    search_fields = ["name"]
    readonly_fields = ["created_at"]
    fields = ["name", "enabled", "notes", "created_at"]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Returns teams with the number of keys that are not revoked."""
        good = Q(keys__isnull=False, keys__revoked_at__isnull=True)
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(good_keys=Count("keys", filter=good))

    @display(description="Client keys", ordering="good_keys")
    def keys(self, team: Any) -> str:
        """The number of keys that are not revoked, linked to all of them."""
        url = reverse("admin:access_clientkey_changelist")
        return format_html('<a class="text-link" href="{}?team__id__exact={}">{}</a>', url, team.pk, team.good_keys)


class ClientKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key without its secret, which is created on saving."""

    class Meta:
        model = ClientKey
        fields = ("team", "name", "allowed_routes", "tags", "shows_routing", "expires_at")

    def clean_allowed_routes(self) -> str:
        """Returns one name or glob per line, without duplicates; a route's name has no white space."""
        lines = [line.strip() for line in self.cleaned_data["allowed_routes"].splitlines() if line.strip()]
        for line in lines:
            if any(c.isspace() for c in line):
                raise forms.ValidationError(
                    f"{line!r} contains white space, which no route name does. Write one name per line."
                )
        return "\n".join(dict.fromkeys(lines))

    def clean_expires_at(self) -> Any:
        """Rejects a new time in the past; one that has passed since may stay."""
        moment = self.cleaned_data["expires_at"]
        if moment is not None and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("This time has passed. Choose a later one, or revoke the key.")
        return moment

    def clean(self) -> dict[str, Any]:
        """Rejects a name that another key of the team has."""
        data: dict[str, Any] = super().clean() or {}
        # The form has no team where it is only shown.
        team = data.get("team") if "team" in self.fields else self.instance.team
        same = ClientKey.objects.filter(team=team, name=data.get("name")).exclude(pk=self.instance.pk)
        if team and data.get("name") and same.exists():
            self.add_error(
                "name", "This team already has a key with that name, perhaps a revoked one. Choose another name."
            )
        return data


@admin.register(ClientKey)
class ClientKeyAdmin(ModelAdmin):
    """Client keys: created, watched and revoked."""

    form = ClientKeyForm
    list_display = ["name", "shown_prefix", "team", "state", "expires_at", "last_used", "created_at"]
    list_filter = ["team", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["team"]
    search_fields = ["name", "prefix", "team__name"]
    search_help_text = "Name, team or first characters"
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}
    readonly_fields = ["shown_prefix", "state", "last_used", "created_at"]
    actions = ["revoke_selected"]
    actions_detail = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientKey]:
        """Returns keys with their last use, by the index on (key_id, started_at)."""
        keys: QuerySet[ClientKey] = super().get_queryset(request)
        newest = RequestLog.objects.filter(key_id=OuterRef("pk")).order_by("-started_at")
        return keys.annotate(last_use=Subquery(newest.values("started_at")[:1]))

    def get_fieldsets(self, request: HttpRequest, obj: ClientKey | None = None) -> Any:
        """Returns the fields of the form; an existing key shows its state, too."""
        own = ["team", "name", "allowed_routes", "tags", "shows_routing", "expires_at"]
        return [(None, {"fields": own if obj is None else [*own, *self.readonly_fields]})]

    def get_readonly_fields(self, request: HttpRequest, obj: ClientKey | None = None) -> Any:
        """Returns the fields that are only shown: an existing key's team, too, except to those who may move keys."""
        shown = super().get_readonly_fields(request, obj)
        return shown if obj is None or may(request.user, MOVE_KEY) else [*shown, "team"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Refuses a form that would move a key and whose page did not offer it."""
        if request.method == "POST" and object_id is not None and not may(request.user, MOVE_KEY):
            key = self.get_object(request, unquote(object_id))
            if key is not None and request.POST.getlist("team", [str(key.team_id)]) != [str(key.team_id)]:
                raise PermissionDenied(
                    "Only superusers move a key to another team. Create a key in that team, and revoke this one."
                )
        page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return page

    @display(description="Key", ordering="prefix")
    def shown_prefix(self, key: ClientKey) -> str:
        """The first characters of the key."""
        return f"{key.prefix}…"

    @display(
        description="State",
        label={"active": "success", "revoked": "danger", "expired": "warning", "team disabled": "warning"},
    )
    def state(self, key: ClientKey) -> str:
        """Whether the key works."""
        if key.revoked_at is not None:
            return "revoked"
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return "expired"
        return "active" if key.team.enabled else "team disabled"

    @display(description="Last used", ordering=F("last_use").desc(nulls_last=True), empty_value="never")
    def last_used(self, key: Any) -> Any:
        """The start of the newest request of this key."""
        return None if key.last_use is None else localize(timezone.localtime(key.last_use))

    # --- creating a key ----------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Creates the secret of a new key; only this object holds it, until the page is rendered."""
        if not change:
            obj.new = new_key()
            obj.prefix, obj.hash = obj.new.prefix, obj.new.hash
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Shows the secret, once. A reload sends the form again, which is rejected because the name is taken."""
        allowed = [line for line in obj.allowed_routes.splitlines() if "*" not in line]
        context = {
            **self.admin_site.each_context(request),
            "title": "Client key created",
            "opts": self.opts,
            "key": obj,
            "secret": obj.new.secret,
            "base_url": base_url(request),
            "first_allowed": allowed[0] if allowed else "",
        }
        response = TemplateResponse(request, "access/key_created.html", context)
        response["Cache-Control"] = "no-store, private"
        response["Referrer-Policy"] = "no-referrer"
        return response

    def render_change_form(self, request: HttpRequest, context: Any, add: bool = False, **kwargs: Any) -> HttpResponse:
        """Offers only one button to save a new key, so that nobody misses the page with the secret."""
        if add:
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        page: HttpResponse = super().render_change_form(request, context, add=add, **kwargs)
        return page

    # --- revoking ----------------------------------------------------------------------------------------------------
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns no actions for a revoked key."""
        actions: list[Any] = super().get_actions_detail(request, object_id)
        live = ClientKey.objects.filter(pk=object_id, revoked_at__isnull=True).exists()
        return actions if live else []

    @action(
        description="Revoke",
        icon="block",
        permissions=["change"],
        variant=ActionVariant.DANGER,
        dialog={
            "title": "Revoke this client key?",
            "description": "Callers that use it are rejected within a second; answers under way "
            f"{'are cut' if settings.REVOKED_KEYS == 'cut' else 'finish'}. This cannot be undone. "
            "Its usage stays in all reports.",
            "form_submit_text": "Revoke the key",
        },
    )
    def revoke(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Revokes one key, once its dialog is confirmed by POST."""
        self._revoke(request, ClientKey.objects.filter(pk=object_id))
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_clientkey_change", args=[object_id])})

    @admin.action(description="Revoke selected client keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> None:
        """Revokes the selected keys."""
        self._revoke(request, ClientKey.objects.filter(pk__in=queryset.values("pk")))

    def _revoke(self, request: HttpRequest, keys: QuerySet[ClientKey]) -> None:
        live = list(keys.filter(revoked_at__isnull=True))
        ClientKey.objects.filter(pk__in=[key.pk for key in live]).update(revoked_at=timezone.now())
        for key in live:
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"Revoked: {', '.join(map(str, live)) or 'none, all were already revoked'}.")
