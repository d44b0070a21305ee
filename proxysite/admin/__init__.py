"""The site's own admin pages: users and groups."""

from django.contrib import admin

from proxysite.admin import list_headers
from proxysite.admin import users as users
from proxysite.templatetags.figures import NOT_KNOWN

list_headers.make_once()
admin.site.empty_value_display = NOT_KNOWN
