"""Client keys in the admin. A key's secret is shown in the response to the form that created it and nowhere
else: no redirect, session or message holds it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from access import key_actions
from access.admin.key_form import ClientKeyForm
from access.admin.key_operations import KeyOperations, page_with_secret
from access.key_records import is_being_rotated, state_of, with_owner
from access.models import ClientKey
from access.permissions import MOVE_KEY, may
from proxysite.admin.allowances import budgets_of, limits_of
from proxysite.admin.deletions import TakesHistoryAlong
from proxysite.console.lost_updates import SerializedSaves
from proxysite.console.related import VisibleRelatedLinks
from usage.last_use import with_last_use
from usage.reports.times import when

_COLORS = {
    "active": "success",
    "disabled": "warning",
    "revoked": "danger",
    "expired": "warning",
    "team disabled": "warning",
    "owner disabled": "warning",
    "owner left": "warning",
    "rotating": "info",
}


class StateFilter(admin.SimpleListFilter):
    """By what somebody did with a key; revoked ones are many after some years."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states that are columns."""
        return [("usable", "not ended"), ("disabled", "disabled"), ("revoked", "revoked"), ("expired", "expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> QuerySet[ClientKey]:
        """Filters by the state chosen."""
        expired = Q(expires_at__lte=timezone.now())
        conditions = {
            "usable": Q(revoked_at=None, disabled_at=None) & ~expired,
            "disabled": Q(revoked_at=None, disabled_at__isnull=False),
            "revoked": Q(revoked_at__isnull=False),
            "expired": expired & Q(revoked_at=None),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(ClientKey)
class ClientKeyAdmin(KeyOperations, TakesHistoryAlong, SerializedSaves, ModelAdmin):
    """Client keys: created, watched, rotated, disabled and revoked."""

    form = ClientKeyForm
    list_display = ["name", "shown_prefix", "team", "shown_owner", "state", "expires", "last_used", "created"]
    list_filter = [("team", VisibleRelatedLinks), StateFilter]
    search_fields = ["name", "prefix", "previous_prefix", "team__name", "owner__username"]
    search_help_text = "Name, team, owner or first characters"
    readonly_fields = ["shown_prefix", "shown_state", "rotation", "disabled", "last_used", "created"]
    readonly_fields += ["imported_from", "requests", "budgets", "limits"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientKey]:
        """Returns keys with their owners, who disabled them and their last use."""
        return with_last_use(with_owner(super().get_queryset(request)).select_related("disabled_by"))

    def get_form(self, request: HttpRequest, obj: ClientKey | None = None, **kwargs: Any) -> Any:
        """Returns the form, whose class is made anew for each request. It learns who reads it."""
        form = super().get_form(request, obj, **kwargs)
        form.reader = request.user
        return form

    def get_fieldsets(self, request: HttpRequest, obj: ClientKey | None = None) -> Any:
        """Returns the fields of the form in groups; an existing key shows its state and how to use it, too."""
        # The routes that are chosen are a field of the form alone.
        chosen = ["routes"] if obj is None or self.has_change_permission(request, obj) else []
        groups: list[Any] = [
            (None, {"fields": ["team", "name", "owner", "expires_at"]}),
            (
                "What it may be used for",
                {"fields": [*chosen, "allowed_routes", "allowed_networks", "shows_routing"]},
            ),
            ("Tags", {"fields": ["tags", "client_tags", "client_tags_count"]}),
        ]
        if obj is None:
            return groups
        seen = ["shown_prefix", "shown_state", "last_used", "requests", "created"]
        seen += ["budgets"] if may(request.user, "access.view_budget") else []
        seen += ["limits"] if may(request.user, "access.view_ratelimit") else []
        seen += ["disabled"] if obj.disabled_at is not None else []
        seen += ["rotation"] if is_being_rotated(obj) else []
        seen += ["imported_from"] if obj.imported_from else []
        return [("State", {"fields": seen}), *groups]

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
                    "Only owners move a key to another team. Create a key in that team, and revoke this one."
                )
        page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return page

    # --- what is shown -----------------------------------------------------------------------------------------------
    @display(description="Key", ordering="prefix")
    def shown_prefix(self, key: ClientKey) -> str:
        """The first characters of the key."""
        return f"{key.prefix}…"

    @display(description="Owner", ordering="owner__username")
    def shown_owner(self, key: ClientKey) -> str:
        """Whose key it is."""
        return "the team" if key.owner is None else str(key.owner)

    @display(description="State", label=_COLORS)
    def state(self, key: ClientKey) -> Any:
        """Whether the key works, in its color."""
        text = self.shown_state(key)
        return ("rotating" if "," in text else text), text

    @display(description="State")
    def shown_state(self, key: ClientKey) -> str:
        """Whether the key works."""
        state = state_of(key)
        if state == "active" and is_being_rotated(key):
            return f"active, being rotated until {_moment(key.previous_until)}"
        return state

    @display(description="Rotation")
    def rotation(self, key: ClientKey) -> str:
        """How long the secret before is accepted."""
        return f"The secret {key.previous_prefix}… is accepted as well until {_moment(key.previous_until)}."

    @display(description="Disabled")
    def disabled(self, key: ClientKey) -> str:
        """When the key was disabled, and by whom where that is known."""
        return f"{_moment(key.disabled_at)} by {key.disabled_by or 'an import or an earlier version'}"

    @display(description="Expires", ordering="expires_at", empty_value="never")
    def expires(self, key: ClientKey) -> str | None:
        """From when on the key is rejected."""
        return when(key.expires_at)

    @display(description="Created", ordering="created_at")
    def created(self, key: ClientKey) -> str | None:
        """When the key was made."""
        return when(key.created_at)

    @display(description="Last used", ordering=F("last_use").desc(nulls_last=True))
    def last_used(self, key: Any) -> str:
        """The start of the newest request of this key."""
        return when(key.last_use) or "never"

    @display(description="Requests")
    def requests(self, key: ClientKey) -> str:
        """The link to the key's usage rows, from its first day on."""
        url = reverse("admin:usage_requestlog_changelist")
        day = timezone.localtime(key.created_at, timezone.get_default_timezone()).date()
        return format_html(
            '<a class="text-link" href="{}?from={}&amp;key={}">Requests of this key</a>', url, day, key.pk
        )

    @display(description="Budgets")
    def budgets(self, key: ClientKey) -> str:
        """The key's own budgets; those of its owner and its team stand on their pages."""
        return budgets_of(key, "key")

    @display(description="Rate limits")
    def limits(self, key: ClientKey) -> str:
        """The key's own limits; those of its owner and its team stand on their pages."""
        return limits_of(key, "key")

    # --- creating a key ----------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Creates the secret of a new key; only this object holds it, until the page is rendered."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.new = key_actions.create(request.user, obj)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Shows the secret, once. A reload sends the form again, which is rejected because the name is taken."""
        return page_with_secret(self.admin_site.each_context(request), request, obj, obj.new, "Client key created")

    def render_change_form(self, request: HttpRequest, context: Any, add: bool = False, **kwargs: Any) -> HttpResponse:
        """Offers only one button to save a new key, so that nobody misses the page with the secret."""
        if add:
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        page: HttpResponse = super().render_change_form(request, context, add=add, **kwargs)
        return page


def _moment(moment: Any) -> str | None:
    return None if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
