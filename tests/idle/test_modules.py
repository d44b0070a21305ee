"""What a process that serves must not load: libraries of pages, commands and servers that it never uses."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.harness.gateway import ROOT

NOT_SERVING = (
    "daphne",
    "twisted",
    "autobahn",
    "service_identity",
    "zope",
    "ninja",
    "pydantic",
    "xlsxwriter",
    "websockets",
)
_SAY = (
    "import json, sys; sys.argv = ['manage.py', 'serve']; import proxysite.asgi; print(json.dumps(sorted(sys.modules)))"
)


def test_what_serves_loads_no_library_of_others() -> None:
    asked = subprocess.run([sys.executable, "-c", _SAY], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(asked.stdout.splitlines()[-1]))
    assert loaded.isdisjoint(NOT_SERVING), sorted(loaded.intersection(NOT_SERVING))


def test_runserver_has_its_server() -> None:
    say = _SAY.replace("'serve'", "'runserver'")
    asked = subprocess.run([sys.executable, "-c", say], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "daphne" in json.loads(asked.stdout.splitlines()[-1])
