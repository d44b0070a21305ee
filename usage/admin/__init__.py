"""Usage rows in the admin."""

from usage.admin import logs

__all__ = ["logs"]
