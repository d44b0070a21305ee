"""`python -m proxysite.quickstart`: writes the secrets that the settings read, then runs `manage.py quickstart`.

It is one process, because each start of Django takes a second.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import environ

from proxysite.quickstart import secrets

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    """Takes the arguments of `manage.py quickstart`, and migrates the database first."""
    # The settings find their folder in the same two steps.
    environ.Env.read_env(BASE_DIR / ".env")
    folder = Path(os.environ.get("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
    if secrets.ensure(folder):
        print(f"Wrote new secrets to {folder / secrets.FILE_NAME}", flush=True)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    from django.core.management import execute_from_command_line

    from access.audit.context import of_origin

    with of_origin("command quickstart"):
        execute_from_command_line(["manage.py", "quickstart", "--migrate", *sys.argv[1:]])


if __name__ == "__main__":
    main()
