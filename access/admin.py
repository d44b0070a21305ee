"""Teams and client keys in the admin. A key's secret is shown in the answer to the form that made it and nowhere else:
no redirect, no session, no message ever carries it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
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
from usage.models import RequestLog


@admin.register(Team)
class TeamAdmin(ModelAdmin):
    """Teams, with a way to their keys."""

    list_display = ["name", "enabled", "keys", "created_at"]
    list_filter = ["enabled"]
    search_fields = ["name"]
    readonly_fields = ["created_at"]
    fields = ["name", "enabled", "notes", "created_at"]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """With the number of keys that still work."""
        good = Q(keys__isnull=False, keys__revoked_at__isnull=True)
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(good_keys=Count("keys", filter=good))

    @display(description="Client keys", ordering="good_keys")
    def keys(self, team: Any) -> str:
        """How many are not revoked, linked to all of them."""
        url = reverse("admin:access_clientkey_changelist")
        return format_html('<a class="text-link" href="{}?team__id__exact={}">{}</a>', url, team.pk, team.good_keys)


class ClientKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key without its secret: that one is made on saving."""

    class Meta:
        model = ClientKey
        fields = ("team", "name", "allowed_routes", "tags", "shows_routing", "expires_at")

    def clean_allowed_routes(self) -> str:
        """One name or glob a line, each once; a route's name has no white space."""
        lines = [line.strip() for line in self.cleaned_data["allowed_routes"].splitlines() if line.strip()]
        for line in lines:
            if any(c.isspace() for c in line):
                raise forms.ValidationError(
                    f"{line!r} holds white space, which no route's name does: write one name a line."
                )
        return "\n".join(dict.fromkeys(lines))

    def clean_expires_at(self) -> Any:
        """A new date must lie ahead; one that has passed meanwhile may stay."""
        moment = self.cleaned_data["expires_at"]
        if moment is not None and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("This moment has passed. Choose a later one, or revoke the key instead.")
        return moment

    def clean(self) -> dict[str, Any]:
        """Say beside the name that the team has such a key already."""
        data: dict[str, Any] = super().clean() or {}
        same = ClientKey.objects.filter(team=data.get("team"), name=data.get("name")).exclude(pk=self.instance.pk)
        if data.get("team") and data.get("name") and same.exists():
            self.add_error("name", "This team has a key of that name. Choose another name; revoked keys keep theirs.")
        return data


@admin.register(ClientKey)
class ClientKeyAdmin(ModelAdmin):
    """Client keys: made, watched and revoked."""

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
        """With each key's last use, in the same query: its newest row by the index on (key_id, started_at)."""
        keys: QuerySet[ClientKey] = super().get_queryset(request)
        newest = RequestLog.objects.filter(key_id=OuterRef("pk")).order_by("-started_at")
        return keys.annotate(last_use=Subquery(newest.values("started_at")[:1]))

    def get_fieldsets(self, request: HttpRequest, obj: ClientKey | None = None) -> Any:
        """A key that is there shows its state, too."""
        own = ["team", "name", "allowed_routes", "tags", "shows_routing", "expires_at"]
        return [(None, {"fields": own if obj is None else [*own, *self.readonly_fields]})]

    @display(description="Key", ordering="prefix")
    def shown_prefix(self, key: ClientKey) -> str:
        """The first characters."""
        return f"{key.prefix}…"

    @display(
        description="State",
        label={"active": "success", "revoked": "danger", "expired": "warning", "team is off": "warning"},
    )
    def state(self, key: ClientKey) -> str:
        """Whether the key is let in."""
        if key.revoked_at is not None:
            return "revoked"
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return "expired"
        return "active" if key.team.enabled else "team is off"

    @display(description="Last used", ordering=F("last_use").desc(nulls_last=True), empty_value="never")
    def last_used(self, key: Any) -> Any:
        """When the newest request of this key began."""
        return None if key.last_use is None else localize(timezone.localtime(key.last_use))

    # --- making a key ------------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the secret of a new key; it lives on this one object until the page is rendered."""
        if not change:
            obj.made = new_key()
            obj.prefix, obj.hash = obj.made.prefix, obj.made.hash
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Show the secret, once. A reload sends the form again and is told that the name is taken."""
        allowed = [line for line in obj.allowed_routes.splitlines() if "*" not in line]
        context = {
            **self.admin_site.each_context(request),
            "title": "Client key made",
            "opts": self.opts,
            "key": obj,
            "secret": obj.made.secret,
            "base_url": base_url(request),
            "first_allowed": allowed[0] if allowed else "",
        }
        response = TemplateResponse(request, "access/key_created.html", context)
        response["Cache-Control"] = "no-store, private"
        response["Referrer-Policy"] = "no-referrer"
        return response

    def render_change_form(self, request: HttpRequest, context: Any, add: bool = False, **kwargs: Any) -> HttpResponse:
        """One way to save a new key: the page with the secret must not be passed by."""
        if add:
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        page: HttpResponse = super().render_change_form(request, context, add=add, **kwargs)
        return page

    # --- revoking ----------------------------------------------------------------------------------------------------
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """A revoked key has nothing left to revoke."""
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
            "description": "Callers that use it are refused within a second. This cannot be undone; "
            "make a new key instead. Its usage stays in every report.",
            "form_submit_text": "Revoke the key",
        },
    )
    def revoke(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """The button of one key; runs only when the dialog was sent, by POST."""
        self._revoke(request, ClientKey.objects.filter(pk=object_id))
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_clientkey_change", args=[object_id])})

    @admin.action(description="Revoke selected client keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> None:
        """The same for several."""
        self._revoke(request, ClientKey.objects.filter(pk__in=queryset.values("pk")))

    def _revoke(self, request: HttpRequest, keys: QuerySet[ClientKey]) -> None:
        live = list(keys.filter(revoked_at__isnull=True))
        ClientKey.objects.filter(pk__in=[key.pk for key in live]).update(revoked_at=timezone.now())
        for key in live:
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"Revoked: {', '.join(map(str, live)) or 'nothing, all were revoked already'}.")
