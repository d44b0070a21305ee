"""The report API of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.harness.configure import unique
from tests.harness.patience import PATIENCE
from tests.report_api.test_tokens import made


@contextmanager
def reader(url: str) -> Iterator[httpx.Client]:
    """A client of the server at `url` with a report token of its own."""
    secret, token = made(name=unique("reader"))
    with httpx.Client(base_url=f"{url}/api/report/v1/", trust_env=False, timeout=PATIENCE) as http:
        http.headers["authorization"] = f"Bearer {secret}"
        try:
            yield http
        finally:
            token.delete()


def reads(http: httpx.Client) -> None:
    """Asserts that a server answers as the API, and not as the one for clients."""
    assert http.get("me").json()["prefix"].startswith("rpt-")
    answer = http.get("usage", params={"range": "7d", "group": "team", "format": "csv"})
    assert answer.text.splitlines()[0] == "team,team_id,start,cost"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head = http.head("metrics")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(http.get("metrics").content)
    refused = http.get("me", headers={"authorization": "Bearer rpt-unknown"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_unknown")
    assert http.get("nothing").json()["error"]["code"] == "not_found"
    assert http.options("me").status_code == 204
