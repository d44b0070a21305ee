"""Loops of both kinds, and certificates that the gateway trusts while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.outbound.common import ssl_context
from tests.transport.calling import LOOPS
from tests.transport.servers import Certificates


@pytest.fixture(params=LOOPS)
def loop_kind(request: pytest.FixtureRequest) -> str:
    """The kind of loop to run in."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Who vouches for servers."""
    return Certificates(Path(tmp_path_factory.mktemp("certificates")))


@pytest.fixture
def certificates(authority: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certificates]:
    """The authority, which is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted))
    ssl_context.cache_clear()
    yield authority
    ssl_context.cache_clear()
