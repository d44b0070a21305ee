"""The audit on the pages of objects."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from access.audit.reading import changes_of, list_url, of_object
from access.permissions import may

register = template.Library()
_MOST = 50


@register.inclusion_tag("access/audit_history.html", takes_context=True)
def audit_history(context: Context) -> dict[str, Any]:
    """The newest entries about the page's object, for those who may read the audit."""
    row = context["object"]
    entries = list(of_object(type(row), row.pk)[: _MOST + 1])
    return {
        "entries": [(entry, changes_of(entry)) for entry in entries[:_MOST]],
        "more": len(entries) > _MOST,
        "url": list_url(row._meta.label_lower, row.pk),
    }


@register.filter
def reads_audit(user: Any) -> bool:
    """Whether the person may read the audit."""
    return may(user, "access.view_auditentry")
