"""What a process that serves must not load: libraries and modules of pages, commands and servers that it never uses, or
that it uses when the first page is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.harness.call import Client
from tests.harness.gateway import ROOT, Gateway
from tests.harness.rows import Rows

_SERVERS = ("daphne", "twisted", "autobahn", "service_identity", "zope", "proxysite.demo")
_REPORTS = ("ninja", "pydantic", "xlsxwriter", "fpdf", "PIL")
_PAGES = (
    *("proxysite.urls", "proxysite.admin", "proxysite.console", "proxysite.my", "proxysite.people"),
    *("proxysite.report_api", "access.admin", "providers.admin", "routing.admin", "usage.admin"),
    *("unfold.admin", "django.contrib.humanize.templatetags", "django.contrib.postgres"),
)
_OF_SOME = (
    # Databases, stored credentials, files of configuration, jobs, providers' own libraries.
    *(
        "psycopg",
        "cryptography",
        "yaml",
        "json5",
        "configuration.file",
        "configuration.apply",
        "proxysite.state.jobs.tasks",
    ),
    *(
        "usage.rollups.rebuild",
        "usage.statements.pdf",
        "aiohttp",
        "httpx",
        "botocore",
        "google",
        "redis",
        "genai_prices",
    ),
    *("bpe_openai", "json_repair", "importlib.metadata", "websockets"),
)
_FRAME = ["proxysite.console", "proxysite.console.sign_in"]
"""What unfold's app loads: its site has our form."""
_LOADED = """
import json, sys
sys.argv = ["manage.py", "{}"]
import proxysite.asgi
{}
print(json.dumps(sorted(sys.modules)))
"""
_SERVING = """
import atexit, json, sys
atexit.register(lambda: open("{}", "w").write(json.dumps(sorted(sys.modules))))
from proxysite.command_line import run
run(sys.argv[1:])
"""


def loaded(folder: Path, *, command: str = "serve", then: str = "pass") -> set[str]:
    """The modules of a process that has loaded what the command does, with SQLite, and done something."""
    program = _LOADED.format(command, then)
    environment = {
        "DATA_DIR": str(folder),
        "SECRET_KEY": "secret",
        "DATABASE_URL": f"sqlite:///{folder}/gateway.sqlite3",
    }
    asked = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(asked.stdout.splitlines()[-1]))


def under(names: tuple[str, ...], found: set[str]) -> list[str]:
    """Which of the modules found are one of those named, or in it."""
    return sorted(one for one in found if one in names or one.startswith(tuple(f"{name}." for name in names)))


def test_what_serves_loads_no_library_of_others(tmp_path: Path) -> None:
    found = loaded(tmp_path, then="import proxysite.management.commands.serve")
    assert under((*_SERVERS, *_REPORTS, *_PAGES, *_OF_SOME), found) == _FRAME


def test_checks_of_settings_load_no_pages(tmp_path: Path) -> None:
    checks = (
        "from django.core import checks; from proxysite.checks import OF_SETTINGS; checks.run_checks(tags=OF_SETTINGS)"
    )
    assert under((*_REPORTS, *_PAGES), loaded(tmp_path, then=checks)) == _FRAME


@pytest.mark.parametrize("options", [(), ("--only", "gateway")], ids=["inline", "gateway"])
def test_a_worker_loads_no_page_until_one_is_asked_for(orm: Rows, options: tuple[str, ...], tmp_path: Path) -> None:
    program = [sys.executable, "-c", _SERVING.format(tmp_path / "modules")]
    gateway = Gateway("modules", program=program, options=options).start()
    try:
        caller = Client(gateway.base_url, None)
        assert caller.get("/v1/models").status == 401
        # A look of the threads that run beside.
        time.sleep(1)
    finally:
        assert gateway.stop() == 0
    found = set(json.loads((tmp_path / "modules").read_text()))
    assert "streaming.consumer" in found
    assert under((*_SERVERS, *_REPORTS, *_PAGES), found) == _FRAME


def test_the_first_page_loads_the_others(tmp_path: Path) -> None:
    then = "import asyncio; from proxysite import pages; asyncio.run(pages.Django().application())"
    found = loaded(tmp_path, then=then)
    assert {
        "proxysite.urls",
        "proxysite.console.home.page",
        "usage.admin",
        "access.admin",
        "proxysite.my.urls",
    } <= found


def test_runserver_has_its_server(tmp_path: Path) -> None:
    assert {"daphne", "usage.admin"} <= loaded(tmp_path, command="runserver")
