"""A refused or failed request says why on its row, on the request's page and in /v1/me, in words of our own."""

from __future__ import annotations

import html
from typing import Any

import pytest

from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway, free_port
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Reply
from tests.harness.upstream import Upstream

LONG = "claude-" + "x" * 300


@pytest.mark.parametrize(
    ("body", "why", "code"),
    [
        (b"{", "The body is not valid JSON: ", "invalid_json"),
        (b"[]", "The body must be a JSON object.", "body_not_object"),
        (
            {"model": LONG, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]},
            f"'{LONG[:79]}…' here.",
            "no_such_route",
        ),
        ({"model": "r", "messages": []}, "max_tokens: Field required", "max_tokens_missing"),
        (
            {"model": "r", "max_tokens": 1, "messages": [{"role": "x" * 99, "content": ""}]},
            "messages.0.role: Input",
            "role_invalid",
        ),
        (
            {"model": "r", "max_tokens": 1, "messages": [{"role": "user", "content": [3]}]},
            "messages.0.content.0: Input",
            "block_invalid",
        ),
    ],
)
def test_a_refused_request_says_why(body: Any, why: str, code: str, client: Client, orm: Rows) -> None:
    row = orm.request(client.post(body).request_id)
    assert (row.outcome, row.sentence_code) == ("refused", code)
    assert why in str(row.error_message)
    assert row.provider_message == ""


def test_a_forbidden_route_and_a_route_without_a_fitting_model_say_why(
    gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    model = make_model(make_provider("openai_chat", f"{upstream.base_url}/why/v1"), capabilities=["images"])
    allowed = make_route([model])
    route, key, other = make_route([model]), make_key(), make_key(allowed_routes=allowed.name)
    gateway.wait_snapshot()
    tools = [{"name": "secret_tool", "input_schema": {"type": "object"}}]
    incapable = Client(gateway.base_url, key.secret).post(message(route.name, tools=tools))
    forbidden = Client(gateway.base_url, other.secret).post(message(route.name))
    assert orm.request(incapable.request_id).error_message == (
        f"No model of '{route.name}' can do what this request asks for "
        f"({model.provider.name}: {model.name}: it calls no tools)."
    )
    why = f"The client key {other.row.prefix}… of the team '{other.row.team.name}' may not use '{route.name}'."
    assert forbidden.error(404, "not_found_error") == (
        f"{why} It may use: {allowed.name}. Ask an administrator of this gateway for others."
    )
    row = orm.request(forbidden.request_id)
    assert (row.outcome, row.error_code, row.sentence_code) == ("refused", "route_forbidden", "route_forbidden")
    assert (row.error_message, list(orm.attempts(row))) == (why, [])


def test_a_key_that_may_use_nothing_is_sent_to_an_administrator(gateway: Gateway, orm: Rows) -> None:
    key = make_key(allowed_routes="none-such")
    gateway.wait_snapshot()
    caller = Client(gateway.base_url, key.secret)
    why = f"The client key {key.row.prefix}… of the team '{key.row.team.name}' may use no model of this gateway."
    answer = caller.post(message("claude-opus"))
    assert answer.error(403, "permission_error").startswith(f"{why} Ask an administrator")
    row = orm.request(answer.request_id)
    assert (row.outcome, row.error_code, row.sentence_code) == ("refused", "key_without_routes", "key_without_routes")
    assert (row.error_message, list(orm.attempts(row))) == (why, [])
    counted = caller.post(message("claude-opus"), path="/v1/messages/count_tokens")
    assert counted.error(403, "permission_error") == answer.json["error"]["message"]
    assert "none yet" in caller.get("/v1/models/claude-opus").error(404, "not_found_error")


@pytest.mark.both_databases
def test_the_name_of_a_route_that_is_switched_off_is_refused_everywhere(
    gateway: Gateway, client: Client, upstream: Upstream, orm: Rows
) -> None:
    model = make_model(make_provider("openai_chat", f"{upstream.base_url}/why/v1"))
    route = make_route([model], enabled=False)
    gateway.wait_snapshot()
    sentence = f"The route '{route.name}' is switched off."
    answer = client.post(message(route.name))
    assert answer.error(404, "not_found_error").startswith(sentence)
    row = orm.request(answer.request_id)
    assert (row.outcome, row.error_code, row.error_message) == ("refused", "route_disabled", sentence)
    assert row.sentence_code == "route_disabled"
    counted = client.post({**message(route.name)}, path="/v1/messages/count_tokens")
    assert counted.error(404, "not_found_error").startswith(sentence)
    assert client.get(f"/v1/models/{route.name}").error(404, "not_found_error").startswith(sentence)
    # Switched on, it answers within a moment.
    route.enabled = True
    route.save()
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer("on again"))
    assert client.post(message(route.name, script.prompt)).stream().text == "on again"


FAILURES: dict[str, tuple[Reply, str, str, str]] = {
    "401": (
        speak.refusal("openai_chat", 401, "Wrong."),
        "does not accept this gateway's credential (HTTP 401).",
        "",
        "",
    ),
    "429": (
        speak.refusal("openai_chat", 429, "Slow down, Ann.", code="rate_limit_exceeded"),
        "limits the rate of requests or tokens (HTTP 429).",
        "rate_limit_exceeded",
        "Slow down, Ann.",
    ),
    "400": (
        speak.refusal("openai_chat", 400, "No, 'Ann'."),
        "rejected the request (HTTP 400).",
        "some_error",
        "No, ….",
    ),
    "overflow": (speak.overflow("openai_chat"), "prompt is too long: 130001 tokens > 128000 maximum", "", ""),
    "cut": (Reply([CUT]), "closed the connection in the middle of its answer.", "", ""),
}


@pytest.mark.both_databases
def test_a_failed_request_says_why_without_the_providers_words(
    gateway: Gateway, client: Client, hasty_client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    route, provider = standing.routes["openai_chat"].name, standing.models["openai_chat"].provider.name
    answers: dict[str, Answer] = {}
    for name, (reply, why, code, line) in FAILURES.items():
        script = upstream.script(reply)
        answers[name] = client.post(message(route, script.prompt))
        stored = hasty_client.post(message(route, upstream.script(reply).prompt))
        for answer, words in ((answers[name], ""), (stored, line)):
            row = orm.request(answer.request_id)
            (attempt,) = orm.attempts(row)
            assert why in str(row.error_message), name
            assert provider in str(row.error_message), name
            assert attempt.error_message == row.error_message
            assert attempt.sentence_code == row.sentence_code != "", name
            assert not code or attempt.error_code == code
            if name != "cut":
                # With STORE_PROVIDER_ERRORS alone, and cleaned.
                assert (row.provider_message, attempt.provider_message) == (words, words) or name == "401"
    shown = client.get("/v1/me").json["errors"]
    by_id = {each["request_id"]: each["message"] for each in shown}
    with Admin(gateway.base_url) as admin:
        for answer in answers.values():
            row = orm.request(answer.request_id)
            assert by_id.get(row.request_id, row.error_message) == row.error_message
            page = html.unescape(admin.page(f"/admin/usage/requestlog/{row.pk}/change/"))
            # On the row itself and at its attempt.
            assert page.count(str(row.error_message)) >= 2
            assert "Ann" not in page
    assert by_id


def test_what_the_gateway_noticed_itself_says_so(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    away = make_provider("openai_chat", f"http://127.0.0.1:{free_port()}/v1")
    unreachable = make_route([make_model(away)])
    gateway.wait_snapshot()
    refused = client.post(message(unreachable.name))
    assert orm.request(refused.request_id).error_message == (
        f"The provider refused the connection. (provider {away.name})"
    )
    script = upstream.script(Reply([HANG]))
    silent = client.post(message(standing.routes["begins"].name, script.prompt))
    assert str(orm.request(silent.request_id).error_message).startswith("The provider did not begin to answer in time.")


def test_an_answer_that_came_in_the_end_has_no_reason_but_its_failed_attempt_has(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(
        first=[speak.refusal("openai_chat", 500, "Broken.")], second=[speak.chat_answer("from the second")]
    )
    row = orm.request(client.post(message(standing.routes["chain"].name, script.prompt)).request_id)
    failed, completed = orm.attempts(row)
    assert (row.error_message, completed.error_message) == ("", "")
    assert str(failed.error_message).endswith("reported an error of its own (HTTP 500).")
    assert (row.sentence_code, completed.sentence_code, failed.sentence_code) == ("", "", "provider_error")
