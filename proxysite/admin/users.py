"""The admin pages of users and groups. Owners alone give roles, memberships, groups and permissions, and nobody changes
a user who has more rights (access.permissions)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import UserCreationForm

from access.permissions import GIVE_RIGHTS, may
from access.roles.giving import given_role, set_role
from access.roles.last_owner import refuse_without_owner
from access.roles.table import SITE_ROLES
from proxysite.admin.allowances import budgets_of, limits_of
from proxysite.admin.deletions import TakesHistoryAlong
from proxysite.admin.user_form import OF_TEAMS, UserForm, described
from proxysite.console.lost_updates import SerializedSaves
from proxysite.console.memberships import TeamsOfUser
from proxysite.people.forms import PasswordOfUserForm
from usage.reports import times

_ONLY_OWNERS = "Only owners give roles, memberships, groups and permissions."
RIGHTS = ("role", "is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


class RoleFilter(admin.SimpleListFilter):
    """By the role for the whole site."""

    title, parameter_name = "role", "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Returns the roles, and none."""
        return [*((role.value, str(role.label)) for role in SITE_ROLES), ("none", "None")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Filters by the role."""
        chosen = self.value()
        if chosen == "owner":
            return queryset.filter(is_superuser=True)
        if chosen == "none":
            return queryset.filter(is_superuser=False, site_role=None)
        return queryset if chosen is None else queryset.filter(is_superuser=False, site_role__role=chosen)


@admin.register(User)
class UserAdmin(TakesHistoryAlong, SerializedSaves, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """The people who may sign in."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = PasswordOfUserForm
    list_display = ("username", "email", "shown_role", "teams", "is_active", "last_signed_in")
    list_filter = (RoleFilter, "is_active")
    list_select_related = ("site_role",)
    inlines = (TeamsOfUser,)
    actions = ("delete_selected",)
    fieldsets = (
        (None, {"fields": ("username", "password", ("first_name", "last_name"), "email")}),
        ("Role", {"fields": ("is_active", "role"), "description": OF_TEAMS}),
        (
            "Advanced: permissions one by one",
            {"fields": ("is_staff", "groups", "user_permissions"), "classes": ["collapse"]},
        ),
        ("Important dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Returns users with their teams."""
        users: QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("memberships__team")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Returns the columns: teams only for those who may see memberships."""
        columns = super().get_list_display(request)
        return columns if may(request.user, "access.view_membership") else [one for one in columns if one != "teams"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Returns the teams of an existing user."""
        return () if obj is None else super().get_inlines(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether the user may be changed, their password included."""
        return super().has_change_permission(request, obj) and may(request.user, "auth.change_user", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether the user may be deleted, alone or in a selection."""
        return super().has_delete_permission(request, obj) and may(request.user, "auth.delete_user", obj)

    @display(description="Last sign-in", ordering="last_login")
    def last_signed_in(self, user: User) -> str | None:
        """When."""
        return times.when(user.last_login)

    @display(description="Role")
    def shown_role(self, user: User) -> str:
        """The role for the whole site."""
        role = given_role(user)
        return "permissions one by one" if role is None and user.is_staff else role.label if role else "—"

    @display(description="Role")
    def described_role(self, user: User) -> str:
        """The role with its sentence."""
        return described(given_role(user))

    @display(description="Budgets")
    def budgets(self, user: User) -> str:
        """The budgets of all of the person's keys together."""
        return budgets_of(user, "user")

    @display(description="Rate limits")
    def limits(self, user: User) -> str:
        """The limits of all of the person's keys together."""
        return limits_of(user, "user")

    @display(description="Teams")
    def teams(self, user: User) -> str:
        """The teams with the role in each."""
        return ", ".join(f"{one.team.name} ({one.role})" for one in user.memberships.all()) or "—"

    # --- giving rights -----------------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Returns the form, whose class is made anew for each request. It learns whether it gives rights."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if issubclass(form, UserForm):
            form.gives_rights = may(request.user, GIVE_RIGHTS)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Returns the fieldsets, with a sentence where rights are shown and not given."""
        fieldsets = super().get_fieldsets(request, obj)
        permissions = {"budgets": "access.view_budget", "limits": "access.view_ratelimit"}
        seen = tuple(name for name, one in permissions.items() if may(request.user, one))
        if obj is not None and seen:
            fieldsets = (*fieldsets, ("Budgets and limits", {"fields": seen}))
        if obj is None or may(request.user, GIVE_RIGHTS):
            return fieldsets
        why = _ONLY_OWNERS
        if not may(request.user, "auth.change_user", obj):
            why += " This user has rights that you do not have, so only who has them changes anything here."
        shown = []
        for title, options in fieldsets:
            fields = tuple("described_role" if name == "role" else name for name in options["fields"])
            more = {"description": why} if "described_role" in fields else {}
            shown.append((title, {**options, "fields": fields, **more}))
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Returns the fields that are only shown."""
        shown = (*super().get_readonly_fields(request, obj), "budgets", "limits")
        return shown if may(request.user, GIVE_RIGHTS) else (*shown, "described_role", "groups", "user_permissions")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Refuses forms that hold fields which the page did not offer."""
        if (
            request.method == "POST"
            and not may(request.user, GIVE_RIGHTS)
            and any(name in request.POST for name in RIGHTS)
        ):
            raise PermissionDenied(_ONLY_OWNERS)
        page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return page

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Gives the role, after the permissions that decide whether somebody without one stays staff."""
        super().save_related(request, form, formsets, change)
        if "role" in form.fields and "role" in form.changed_data:
            set_role(form.instance, form.cleaned_data["role"] or None)

    # --- deleting ----------------------------------------------------------------------------------------------------
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Deletes a user after a question, and the last owner not at all."""
        user = self.get_object(request, unquote(object_id))
        if user is not None and self.has_delete_permission(request, user) and self._keeps_owner(request, user):
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))
        return super().delete_view(request, object_id, extra_context)

    @admin.action(description="Delete selected users", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        """Deletes several after a question, unless no owner would be left."""
        if may(request.user, GIVE_RIGHTS) and self._keeps_owner(request, *queryset):
            return None
        return delete_selected(self, request, queryset)

    def _keeps_owner(self, request: HttpRequest, *users: User) -> bool:
        try:
            refuse_without_owner(*users)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return True
        return False


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Sets of permissions: owners alone make, change and delete them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns whether groups may be made."""
        return may(request.user, "auth.add_group")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether a group may be changed."""
        return may(request.user, "auth.change_group")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether a group may be deleted."""
        return may(request.user, "auth.delete_group")
