#!/usr/bin/env python
"""Django's command line for the gateway."""

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from access.audit.context import command_line

    try:
        with command_line(sys.argv[1:]):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings are not usable. {error}")


if __name__ == "__main__":
    main()
