"""deploy/nginx.conf in a real nginx: attempts to sign in are limited by address, pages and the API are not."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.harness.call import Client
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.patience import PATIENCE

pytestmark = pytest.mark.clients


def test_a_flood_of_sign_ins_ends_at_nginx(gateway: Gateway, standing: Standing, tmp_path: Path) -> None:
    with running_nginx(tmp_path, [gateway.port]) as port:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, trust_env=False, timeout=PATIENCE) as http:
            # Without the cross-site token: the gateway refuses each with 403 and hashes nothing.
            sign_in = {"username": "x", "password": "y"}
            answers: list[httpx.Response] = []
            # One is added every three seconds, so on a busy machine it takes some more.
            while len(answers) < 60 and (not answers or answers[-1].status_code != 429):
                answers.append(http.post("/admin/login/", data=sign_in))
            assert [answer.status_code for answer in answers[:10]] == [403] * 10
            limited = answers[-1]
            assert limited.status_code == 429
            assert limited.headers["retry-after"] == "3"
            assert "Try again in a few seconds" in limited.text
            assert [http.get("/admin/login/").status_code for _ in range(20)] == [200] * 20
        client = Client(address, standing.key.secret)
        assert [client.get("/v1/models").status for _ in range(20)] == [200] * 20
