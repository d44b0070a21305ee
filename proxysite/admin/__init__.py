"""The site's own admin pages: users and groups."""

from django.contrib import admin

from proxysite.admin import theme_lists
from proxysite.admin import users as users
from proxysite.templatetags.figures import NOT_KNOWN

theme_lists.make_once()
admin.site.empty_value_display = NOT_KNOWN
