"""The README's two commands as whoever types them: root in a folder that nobody else may enter (as /root is), root
elsewhere, an ordinary user. Run as an ordinary user, these tests have that one alone; .ci/run has all three as root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.call import Client, message
from tests.harness.gateway import free_port
from tests.newcomer.checkout import NOBODY, Checkout, Run, installed

pytestmark = pytest.mark.clients

IS_ROOT = os.geteuid() == 0
PEOPLE = {
    **({"root-in-private": (0o700, None), "root": (0o755, None)} if IS_ROOT else {}),
    "ordinary-user": (0o755, NOBODY if IS_ROOT else None),
}


@pytest.fixture(scope="module", params=PEOPLE.values(), ids=list(PEOPLE))
def checkout(request: pytest.FixtureRequest) -> Iterator[Checkout]:
    """A copy with everything installed, in a folder that is as open as it is for that user."""
    mode, user = request.param
    # Not pytest's own folder, which only its user may enter.
    folder = Path(tempfile.mkdtemp(prefix="proxysite-newcomer-"))
    folder.chmod(mode)
    try:
        yield installed(folder / "checkout", user=user)
    finally:
        shutil.rmtree(folder)


def test_make_run_serves(checkout: Checkout) -> None:
    run = Run(checkout, free_port(), "DATA_DIR=data")
    try:
        run.wait_ready()
        secret = run.value("export ANTHROPIC_AUTH_TOKEN=")
        assert Client(run.base_url, secret).post(message("demo-fast")).stream().text
        assert (checkout.folder / "data").stat().st_uid == (checkout.folder / "manage.py").stat().st_uid
    finally:
        run.stop()


def test_make_test_passes_on_both_databases(checkout: Checkout) -> None:
    code, output = checkout.make("test", "TESTS=tests/usage/journal/test_writer.py")
    assert code == 0, output
    summary = output.partition("Tests by database:")[2].split("\n")
    tests = (checkout.folder / "tests/usage/journal/test_writer.py").read_text().count("\ndef test_")
    assert [line.strip() for line in summary if line] == [f"PostgreSQL: {tests} tests", f"SQLite: {tests} tests"]
