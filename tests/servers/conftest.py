"""What the tests over a bare socket share: the port that they talk to, and a request with its answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import message
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.script import Script
from tests.harness.upstream import Upstream


@pytest.fixture(params=["uvicorn", pytest.param("nginx", marks=pytest.mark.clients)])
def port(request: pytest.FixtureRequest, gateway: Gateway, tmp_path: Path) -> Iterator[int]:
    """The port of the gateway, or of an nginx in front of it."""
    if request.param == "uvicorn":
        yield gateway.port
        return
    with running_nginx(tmp_path, [gateway.port]) as port:
        yield port


@pytest.fixture
def script(upstream: Upstream) -> Script:
    """An upstream that says "done"."""
    return upstream.script(speak.claude_answer("done"))


@pytest.fixture
def body(script: Script, standing: Standing) -> dict[str, Any]:
    """A request that streams that answer."""
    return message(standing.routes["anthropic"].name, script.prompt)


@pytest.fixture
def key(standing: Standing) -> tuple[str, str]:
    """The line with a client key."""
    return ("X-Api-Key", standing.key.secret)
