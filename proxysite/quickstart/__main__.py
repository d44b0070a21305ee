"""`python -m proxysite.quickstart`: writes the secrets that the settings read, then runs `./gateway quickstart`.

It is one process, because each start of Django takes a second.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from proxysite import command_line
from proxysite.environment import read_file
from proxysite.quickstart import preflight, secrets

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    """Takes the port, and migrates the database first. Writes nothing where the gateway could not start."""
    # The settings find their folder in the same two steps.
    try:
        read_file(BASE_DIR / ".env")
    except ImproperlyConfigured as error:
        sys.exit(f"The settings cannot be used. {error}")
    for hint in preflight.misspelt(BASE_DIR / ".env", BASE_DIR / ".env.example"):
        print(hint, file=sys.stderr, flush=True)
    folder = Path(os.environ.get("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
    parser = argparse.ArgumentParser(prog="python -m proxysite.quickstart")
    parser.add_argument("--port", default=os.environ.get("PORT") or "3456", help="the port that serve listens on")
    try:
        given = parser.parse_args().port
        preflight.check_alone(folder, given)
        port = preflight.check_port(given, demo=_has_demo())
        preflight.check_folder(folder)
    except preflight.CannotStart as error:
        sys.exit(str(error))
    if secrets.ensure(folder):
        print(f"Wrote new secrets to {folder / secrets.FILE_NAME}", flush=True)
    command_line.run(["quickstart", "--migrate", "--port", str(port)])


def _has_demo() -> bool:
    return os.environ.get("DEMO_UPSTREAM", "").lower() in environ.Env.BOOLEAN_TRUE_STRINGS


if __name__ == "__main__":
    main()
