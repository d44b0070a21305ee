"""Whose a request is, on its page: the owner of the key, tags, client, end user and the configuration that decided."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from access.permissions import may
from access.tags import CLAIMED
from usage.models import RequestLog
from usage.reports import formatting

FIELDS = [
    ("team_name", "shown_owner"), ("key_name", "key_prefix"), ("shown_tags", "end_user"),
    ("shown_client", "user_agent"), ("session_id", "agent_id"), ("agent_type", "request_class"), "revisions",
]  # fmt: skip


class WhoseRequest:
    """The fields of FIELDS that are no columns."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Returns the row, with whether this person may see the page of the key's owner, and there is one."""
        row = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if row is not None:
            seen = row.owner_id is not None and may(request.user, "auth.view_user")
            row.links_owner = seen and get_user_model().objects.filter(pk=row.owner_id).exists()
        return row

    @display(description="Owner")
    def shown_owner(self, row: RequestLog) -> str:
        """Who owned the key at that time; a service key has no owner, and rows of earlier versions name none."""
        if row.owner_id is None:
            return formatting.UNKNOWN
        if not getattr(row, "links_owner", False):
            return row.owner_name
        url = reverse("admin:auth_user_change", args=[row.owner_id])
        return format_html('<a class="text-link" href="{}">{}</a>', url, row.owner_name)

    @display(description="Tags")
    def shown_tags(self, row: RequestLog) -> str:
        """The tags, with those marked that only the client named, and how many of these were ignored."""
        tags = [(tag.removeprefix(CLAIMED), tag.startswith(CLAIMED)) for tag in row.tags or ()]
        ignored = (row.decision or {}).get("ignored_tags", {})
        if not tags and not ignored:
            return formatting.UNKNOWN if row.tags is None else "none"
        return render_to_string("usage/tags.html", {"tags": tags, "ignored": list(ignored.items())})

    @display(description="Client")
    def shown_client(self, row: RequestLog) -> str:
        """The product in the user agent, with its version."""
        return f"{row.client_name} {row.client_version}".strip() or formatting.UNKNOWN

    @display(description="User agent")
    def user_agent(self, row: RequestLog) -> str:
        """What the client calls itself, complete."""
        return row.client or formatting.UNKNOWN

    @display(description="Decided by")
    def revisions(self, row: RequestLog) -> str:
        """The revisions of the configuration."""
        if row.routing_revision is None or row.access_revision is None:
            return formatting.UNKNOWN
        return f"routing revision {row.routing_revision}, teams and keys revision {row.access_revision}"
