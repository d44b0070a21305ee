"""The site's own admin pages: users and groups."""

from django.contrib import admin
from django.utils.safestring import mark_safe

from proxysite.admin import list_headers
from proxysite.admin import users as users
from usage.reports.formatting import UNKNOWN

list_headers.make_once()
# One sign for what is not known, which says so.
admin.site.empty_value_display = mark_safe(f'<span title="Not known, or not set">{UNKNOWN}</span>')  # noqa: S308
