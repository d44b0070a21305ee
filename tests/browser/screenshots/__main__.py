"""Sets Django up on a temporary folder, as for tests, and takes the pictures."""

from __future__ import annotations

import os

import django


def main() -> None:
    """Take all pictures."""
    # Importing it makes the folder, and the settings that Django reads next.
    from tests.harness import database

    os.environ["DJANGO_SETTINGS_MODULE"] = "proxysite.settings"
    django.setup()
    database.create_live_database()
    from tests.browser.screenshots import pictures

    pictures.take_all()


if __name__ == "__main__":
    main()
