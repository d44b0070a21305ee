"""The admin pages of Django's users and groups, in unfold's style. Superusers alone give superuser status, groups and
permissions, and nobody changes a user who has more rights (access.permissions)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from access.permissions import GIVE_RIGHTS, may

_ONLY_SUPERUSERS = "Only superusers give superuser status, groups and permissions."
RIGHTS = ("is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """The users of the admin."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether the user may be changed, their password included."""
        return super().has_change_permission(request, obj) and may(request.user, "auth.change_user", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether the user may be deleted, alone or in a selection."""
        return super().has_delete_permission(request, obj) and may(request.user, "auth.delete_user", obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Returns the fieldsets, with a sentence where rights are shown and not given."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or may(request.user, GIVE_RIGHTS):
            return fieldsets
        why = _ONLY_SUPERUSERS
        if not may(request.user, "auth.change_user", obj):
            why += " This user has rights that you do not have, so only who has them changes anything here."
        return [
            (title, {**options, "description": why} if RIGHTS[0] in options["fields"] else options)
            for title, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Returns the fields that are only shown."""
        shown = super().get_readonly_fields(request, obj)
        return shown if may(request.user, GIVE_RIGHTS) else (*shown, *RIGHTS)

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
            raise PermissionDenied(_ONLY_SUPERUSERS)
        page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return page


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Sets of permissions: superusers alone make, change and delete them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Returns whether groups may be made."""
        return may(request.user, "auth.add_group")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether a group may be changed."""
        return may(request.user, "auth.change_group")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Returns whether a group may be deleted."""
        return may(request.user, "auth.delete_group")
