"""Chromium, as the admin's tests use it."""

from __future__ import annotations

from tests.admin.browser.conftest import browser

__all__ = ["browser"]
