"""Models in the admin: the list in which prices are changed, the actions on many, and each model's own page."""

from providers.admin.models import page

__all__ = ["page"]
