"""Who is let in, and the small endpoints beside Messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from access.models import Team
from routing.models import Route
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "KEY"},
        {"x-api-key": None, "authorization": "Bearer KEY"},
        {"x-api-key": "KEY", "authorization": "Bearer KEY"},
        {"x-api-key": None, "authorization": "bearer   KEY "},
        {"anthropic-version": "2026-10-21"},
        {"anthropic-version": "2099-12-31"},
        {"anthropic-version": None},
    ],
)
def test_a_good_key_is_let_in_whatever_its_header_and_version(
    headers: dict[str, str | None], client: Client, standing: Standing, upstream: Upstream
) -> None:
    script = upstream.script(speak.chat_answer("in"))
    sent = {name: value and value.replace("KEY", standing.key.secret) for name, value in headers.items()}
    answer = client.post(message(standing.routes["openai_chat"].name, script.prompt), headers=sent)
    assert answer.stream().text == "in"


@pytest.mark.parametrize("key", [None, "", "sk-px-nobody-knows-this-one", "Ünïcode".encode().decode("latin-1")])
def test_no_key_or_an_unknown_one_is_401(key: str | None, gateway: Gateway) -> None:
    answer = Client(gateway.base_url, key).post(message("x"))
    text = answer.error(401, "authentication_error")
    assert "key" in text
    assert not key or key not in text


def test_revoked_expired_and_switched_off_keys_are_refused(orm: Rows, gateway: Gateway, standing: Standing) -> None:
    now = timezone.now()
    revoked, expired = make_key(revoked_at=now), make_key(expires_at=now - timedelta(seconds=1))
    off = make_key(Team.objects.create(name=unique("team"), enabled=False))
    good = make_key(expires_at=now + timedelta(hours=1))
    gateway.wait_snapshot()
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        body = message(standing.routes["openai_chat"].name)
        revoked_text = Client(gateway.base_url, revoked.secret).post(body, path=path).error(401, "authentication_error")
        expired_text = Client(gateway.base_url, expired.secret).post(body, path=path).error(401, "authentication_error")
        off_text = Client(gateway.base_url, off.secret).post(body, path=path).error(403, "permission_error")
    assert "revoked" in revoked_text
    assert "expired" in expired_text
    assert off.row.team.name in off_text
    assert Client(gateway.base_url, good.secret).get("/v1/models").status == 200


def test_a_key_that_expires_is_refused_from_then_on(orm: Rows, gateway: Gateway) -> None:
    # One that lives long enough to be used: longer, on a machine that is slow to know it.
    for seconds in (1.5, 6, 24):
        expires_at = timezone.now() + timedelta(seconds=seconds)
        caller = Client(gateway.base_url, make_key(expires_at=expires_at).secret)
        gateway.wait_snapshot()
        before = caller.get("/v1/models")
        if timezone.now() < expires_at:
            break
    assert before.status == 200
    until(lambda: timezone.now() > expires_at)
    caller.get("/v1/models").error(401, "authentication_error")


def test_models_are_the_routes_that_the_key_may_use(orm: Rows, gateway: Gateway, standing: Standing) -> None:
    word = unique("shop")
    model = standing.models["openai_chat"]
    names = [f"{word}/claude-x:free", f"{word}/b", f"{unique('other')}/c"]
    for name in names:
        make_route([model], name=name, display_name=f"The {name}")
    make_route([model], name=f"{word}/off", enabled=False)
    key = make_key(allowed_routes=f"{word}/*")
    gateway.wait_snapshot()
    caller = Client(gateway.base_url, key.secret)
    listed = caller.get("/v1/models?limit=1000").json
    assert sorted(item["id"] for item in listed["data"]) == sorted(names[:2])
    assert listed["has_more"] is False
    assert {listed["first_id"], listed["last_id"]} == set(names[:2])
    first = caller.get("/v1/models?limit=1").json
    assert first["has_more"] is True
    rest = caller.get(f"/v1/models?limit=1&after_id={first['last_id'].replace('/', '%2F')}").json
    assert [item["id"] for item in first["data"] + rest["data"]] == [item["id"] for item in listed["data"]]
    one = caller.get(f"/v1/models/{word}%2Fclaude-x%3Afree")
    assert one.json["id"] == names[0]
    assert one.json["type"] == "model"
    assert one.json["display_name"] == f"The {names[0]}"
    caller.get(f"/v1/models/{names[2].replace('/', '%2F')}").error(404, "not_found_error")
    caller.get(f"/v1/models/{word}%2Foff").error(404, "not_found_error")
    refused = caller.post(message(names[2])).error(404, "not_found_error")
    assert f"may not use '{names[2]}'. It may use: " in refused


def test_an_unknown_model_is_404_that_names_the_routes_or_goes_to_the_default_route(
    orm: Rows, gateway: Gateway, client: Client, standing: Standing, upstream: Upstream
) -> None:
    key = make_key(allowed_routes=f"{standing.routes['openai_chat'].name}\n{standing.routes['anthropic'].name}")
    gateway.wait_snapshot()
    text = Client(gateway.base_url, key.secret).post(message("no-such-model")).error(404, "not_found_error")
    assert "no-such-model" in text
    assert standing.routes["openai_chat"].name in text
    assert standing.routes["chain"].name not in text
    default = make_route([standing.models["anthropic"]], is_default=True)
    gateway.wait_snapshot()
    try:
        script = upstream.script(speak.claude_answer("by default"))
        answer = client.post(message("no-such-model", script.prompt))
        assert answer.stream().text == "by default"
        row = orm.request(answer.request_id)
        assert (row.route_name, row.request_model) == (default.name, "no-such-model")
    finally:
        Route.objects.filter(pk=default.pk).delete()
        gateway.wait_snapshot()


def test_count_tokens(client: Client, standing: Standing, upstream: Upstream) -> None:
    script = upstream.script(Reply([b'{"input_tokens": 4242}'], headers={"content-type": "application/json"}))
    body = {"model": standing.routes["anthropic"].name, "messages": [{"role": "user", "content": script.prompt}]}
    counted = client.post(body, path="/v1/messages/count_tokens?beta=true")
    assert counted.status == 200
    assert counted.json["input_tokens"] == 4242
    assert script.seen[0].path == "/anthropic/v1/messages/count_tokens"
    short, long = (
        client.post(
            {"model": standing.routes["openai_chat"].name, "messages": [{"role": "user", "content": text}]},
            path="/v1/messages/count_tokens",
        ).json["input_tokens"]
        for text in ("Hello, how are you?", "Hello, how are you? " * 100)
    )
    assert 3 <= short <= 40
    assert 300 <= long <= 1500
    client.post({"model": "x"}, path="/v1/messages/count_tokens").error(400, "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "/"), ("HEAD", "/api/hello"), ("GET", "/api/hello"), ("GET", "/healthz")]
)
def test_probes_need_no_key(method: str, path: str, gateway: Gateway) -> None:
    assert Client(gateway.base_url, None).get(path, method=method).status == 200


def test_readyz_says_which_configuration_is_live(gateway: Gateway) -> None:
    status, body = gateway.readiness()
    assert status == 200
    assert body["status"] == "ready"
    assert set(body["revisions"]) == {"access", "routing"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages/batches"),
        ("GET", "/v1/messages/batches"),
        ("GET", "/v1/files"),
        ("POST", "/v1/files"),
        ("GET", "/v1/nothing/here"),
        ("GET", "/v1/"),
        ("POST", "/v1/mesages"),
    ],
)
def test_an_unknown_path_is_a_claude_shaped_404(method: str, path: str, client: Client) -> None:
    text = client.get(path, method=method).error(404, "not_found_error")
    assert path.split("?")[0] in text


def test_a_wrong_method_is_no_success(client: Client) -> None:
    answer = client.get("/v1/messages")
    assert answer.status in {404, 405}
    assert answer.json["type"] == "error"
