"""Usage rows in the admin."""

from usage.admin import logs, windows

__all__ = ["logs", "windows"]
