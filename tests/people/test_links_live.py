"""Links at a running gateway: tokens are in no log, of it or of nginx in front, and a damaged link gets its page."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.http.nginx import running_nginx
from tests.harness.patience import PATIENCE, until

TOKENS = ("Ab1-secret-invitation-token", "MQ.secret-password-token")


@pytest.mark.clients
def test_tokens_are_in_no_log(live_database: None, standing: Standing, tmp_path: Path) -> None:
    running = Gateway("links")
    running.start()
    links = (f"/my/join/{TOKENS[0]}/", f"/my/password/{TOKENS[1]}/", f"/my/join/{TOKENS[0]}")
    answers: list[int] = []
    with running_nginx(tmp_path, [running.port]) as port, httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        for base in (running.base_url, f"http://127.0.0.1:{port}"):
            for link in links:
                answers.append(http.get(base + link, follow_redirects=True).status_code)
                # What a broken mail program or a scanner might do.
                answers += [http.post(base + link).status_code, http.head(base + link).status_code]
                answers.append(http.get(base + link, headers={"host": "evil.example.net"}).status_code)
        http.get(f"http://127.0.0.1:{port}/my/login/")
        running.stop()
        # The gateway is gone: nginx complains.
        answers += [http.get(f"http://127.0.0.1:{port}{link}").status_code for link in links]
        until(lambda: "/my/login/" in (tmp_path / "access.log").read_text(), "nginx's log")
    assert {302, 404, 403, 400, 502} >= set(answers) >= {302, 404, 502}
    for log in (running.log_file, tmp_path / "access.log", tmp_path / "error.log"):
        text = log.read_text()
        assert not any(token in text for token in TOKENS), log


@pytest.mark.clients
def test_forms_with_passwords_are_limited_by_nginx(gateway: Gateway, tmp_path: Path) -> None:
    with running_nginx(tmp_path, [gateway.port]) as port, httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        for path in ("/my/login/", "/admin/password_change/", "/my/forgot/", "/my/join/", "/my/password/new/"):
            # All of them from one allowance.
            statuses = [http.post(f"http://127.0.0.1:{port}{path}").status_code for _ in range(15)]
            assert 429 in statuses, path
        assert http.get(f"http://127.0.0.1:{port}/my/forgot/").status_code == 200


@pytest.mark.parametrize("token", ["%E2%82%AC", "x%E2%80%A6", "%C3%A9", "a%0Ab", "a%22b%3Bc", "%00", "%FF", "a" * 5000])
def test_a_damaged_link_leads_to_a_page_that_says_so(token: str, gateway: Gateway) -> None:
    for link, words in (("join", "This link is not valid"), ("password", "This link does not work any more")):
        with httpx.Client(trust_env=False, base_url=gateway.base_url, follow_redirects=True, timeout=PATIENCE) as http:
            answer = http.get(f"/my/{link}/{token}")
        assert answer.status_code == 404, link
        assert words in answer.text, link
        assert len(answer.history) == 1, link
