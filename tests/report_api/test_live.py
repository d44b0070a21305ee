"""The report API of a real server, whose pages are inline: the gateway's other answers are Claude's, these are not."""

from __future__ import annotations

from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.report_api.live import reader, reads


def test_a_server_with_pages_inline_answers(orm: Rows, gateway: Gateway) -> None:
    with reader(gateway.base_url) as http:
        reads(http)
        beside = http.get(f"{gateway.base_url}/api/nothing")
        assert beside.json()["error"]["type"] == "not_found_error"
    assert "rpt-" not in gateway.logs()
