"""The site's own admin pages: users and groups."""

from proxysite.admin import users as users
