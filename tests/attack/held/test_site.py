"""The admin's site: addresses, hosts, methods, cookies, frames, sessions."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import httpx
import pytest
from django.contrib.auth import get_user_model

from tests.attack.rig.rig import Rig
from tests.harness.http.raw import CLOSE, request
from tests.harness.patience import PATIENCE


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "\\\\evil",
    ],
)
def test_signing_in_leads_to_no_other_site(target: str, rig: Rig) -> None:
    user = get_user_model().objects.create_user("redirected", password="a-long-password-77", is_staff=True)
    try:
        with rig.anonymous() as browser:
            fields = {"username": "redirected", "password": "a-long-password-77", "next": target}
            while (answer := browser.submit("/admin/login/", **fields)).status_code == 429:
                # Other probes from this address have used up what nginx lets through at once.
                time.sleep(1)
        assert answer.status_code == 302, answer.status_code
        assert urlsplit(answer.headers["location"]).netloc == ""
        assert answer.headers["location"].startswith("/admin/")
        with rig.anonymous() as browser:
            there = browser.get(f"/admin/login/?next={target}")
            assert "evil.example" not in there.headers.get("location", "")
    finally:
        user.delete()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:3456", "127.0.0.1@evil", "a b"]
)
def test_a_host_that_is_not_ours_gets_no_page(host: str, rig: Rig) -> None:
    for path in ("/admin/login/", "/admin/", "/"):
        for answer in rig.raw(request(None, ("Host", host), CLOSE, start=f"GET {path} HTTP/1.1")):
            assert answer.status == 400, (path, answer)
            assert b"evil" not in answer.raw
            assert "location" not in answer.headers


def test_a_host_in_another_header_is_not_believed(rig: Rig) -> None:
    lines = (("Host", "127.0.0.1"), ("X-Forwarded-Host", "evil.example"), ("X-Original-URL", "/admin/auth/user/"))
    (answer,) = rig.raw(request(None, *lines, CLOSE, start="GET /admin/ HTTP/1.1"))
    assert answer.status == 302
    assert answer.headers["location"].startswith("/admin/login/")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OPTIONS", "PROPFIND"])
def test_other_methods_change_nothing_and_repeat_nothing(method: str, rig: Rig) -> None:
    for path in ("/admin/login/", "/v1/messages", "/v1/me"):
        lines = (("Host", "127.0.0.1"), ("x-api-key", rig.key.secret), CLOSE)
        for answer in rig.raw(request(b"", *lines, start=f"{method} {path} HTTP/1.1")):
            assert answer.status in (200, 302, 400, 403, 404, 405), (path, answer)
            assert rig.marks.found_in(answer.raw) == []


@pytest.mark.parametrize(
    "path",
    [
        "/static/../manage.py",
        "/static/..%2fmanage.py",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/....//....//etc/passwd",
        "/static//etc/passwd",
        "/../../etc/passwd",
        "/static/%00",
        "/admin/../secrets.env",
        "/data/secrets.env",
        "/.env",
        "/.git/config",
        "//v1/../admin/",
        "/v1/%2e%2e/admin/",
    ],
)
def test_no_path_leads_to_a_file_that_is_no_page(path: str, rig: Rig) -> None:
    for answer in rig.raw(request(None, ("Host", "127.0.0.1"), CLOSE, start=f"GET {path} HTTP/1.1")):
        assert answer.status in (301, 302, 400, 401, 404), answer
        assert b"root:" not in answer.raw
        assert b"DJANGO_SETTINGS_MODULE" not in answer.raw
        assert rig.marks.found_in(answer.raw) == []


def test_a_form_without_its_token_or_from_another_site_is_refused(rig: Rig) -> None:
    with rig.signed_in(superuser=True) as browser:
        data = {"name": "by-another-site", "enabled": "on"}
        assert browser.http.post("/admin/access/team/add/", data=data).status_code == 403
        token = browser.http.cookies.get("csrftoken") or ""
        with_token = {**data, "csrfmiddlewaretoken": token or "x" * 64}
        there = browser.http.post(
            "/admin/access/team/add/", data=with_token, headers={"origin": "https://evil.example"}
        )
        assert there.status_code == 403


def test_no_page_of_another_site_may_read_an_answer(rig: Rig) -> None:
    asking = (
        ("Host", "127.0.0.1"),
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "POST"),
        CLOSE,
    )
    script = rig.script()
    for answer in (
        *rig.raw(request(None, *asking, start="OPTIONS /v1/messages HTTP/1.1")),
        rig.client().post(rig.body(script), headers={"origin": "https://evil.example"}),
        rig.client().get("/v1/me", headers={"origin": "null"}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")], answer.headers


def test_wildcards_in_a_search_cost_nothing(rig: Rig) -> None:
    with rig.signed_in(superuser=True) as browser, rig.watching() as toll:
        for page in ("access/clientkey", "usage/requestlog", "auth/user"):
            assert browser.get(f"/admin/{page}/?q={'%25_' * 300}").status_code == 200
    assert toll.cpu < 3


def test_cookies_and_frames(rig: Rig) -> None:
    with rig.anonymous() as browser:
        page = browser.get("/admin/login/")
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    for cookie in page.headers.get_list("set-cookie"):
        assert "samesite=lax" in cookie.lower()


@pytest.mark.slow
def test_with_https_every_cookie_is_secure_and_no_page_is_plain(rig: Rig) -> None:
    user = get_user_model().objects.create_user("secure", password="a-long-password-77", is_staff=True)
    with rig.serving(HTTPS="true") as other:
        url = f"http://127.0.0.1:{other.port}"
        assert (
            httpx.get(f"{url}/admin/login/", trust_env=False, timeout=PATIENCE)
            .headers["location"]
            .startswith("https://")
        )
        proxied = {"x-forwarded-proto": "https", "referer": "https://127.0.0.1/", "host": "127.0.0.1"}
        with httpx.Client(base_url=url, headers=proxied, trust_env=False, timeout=PATIENCE) as browser:
            page = browser.get("/admin/login/")
            assert page.headers["strict-transport-security"].startswith("max-age=31536000")
            token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
            sent = {"username": "secure", "password": "a-long-password-77", "csrfmiddlewaretoken": token}
            cookie = page.cookies["csrftoken"]
            answer = browser.post("/admin/login/", data=sent, headers={"cookie": f"csrftoken={cookie}"})
        assert answer.status_code == 302
        cookies = [*page.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
        assert len(cookies) >= 2
        assert all("secure" in cookie.lower().split("; ") for cookie in cookies), cookies
        session = next(cookie for cookie in cookies if cookie.startswith("sessionid="))
        assert "httponly" in session.lower()
    user.delete()


@pytest.mark.parametrize("change", ["password", "inactive", "no staff"])
def test_a_session_ends_with_what_it_rested_on(change: str, rig: Rig) -> None:
    # Another owner is there, since the last one cannot be disabled.
    with rig.signed_in(superuser=True), rig.signed_in(superuser=True) as browser:
        assert browser.get("/admin/").status_code == 200
        user = browser.user
        if change == "password":
            user.set_password("another-long-password-8")
        elif change == "inactive":
            user.is_active = False
        else:
            user.is_staff = False
        user.save()
        answer = browser.get("/admin/")
        assert (answer.status_code, answer.headers["location"][:13]) == (302, "/admin/login/")


def test_every_page_and_file_has_a_policy_for_scripts(rig: Rig) -> None:
    with rig.signed_in(superuser=True) as browser:
        paths = (
            "/",
            "/admin/login/",
            "/admin/",
            "/admin/console/explain/",
            "/admin/no/such/",
            "/static/proxysite/console.js",
        )
        for path in paths:
            policy = browser.get(path).headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "frame-ancestors 'none'" in policy, path
            scripts = policy.partition("script-src")[2].partition(";")[0]
            assert "'unsafe-inline'" not in scripts, path
            assert "http" not in scripts, path
