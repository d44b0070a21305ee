"""The Explain page: permissions, input, what it shows, and that it stores nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from access.models import ClientKey
from configuration.explain.samples import SAMPLES
from providers.models import Model
from routing.models import Route, Rule
from tests.admin.history import request_row
from tests.admin.pages import links_of, staff, text_of
from tests.explain.questions import SECRET, request_body
from tests.harness.configure import make_key, make_model, make_provider, make_route
from usage.models import RequestLog

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PAGE = "/admin/console/explain/"


@pytest.fixture
def first() -> Route:
    """A route of two candidates, the second without an upstream of its own."""
    provider = make_provider("openai_chat", "https://there.example/v1", secret=SECRET, name="there")
    return make_route([make_model(provider, name="big"), make_model(provider, {}, name="free")], name="mine")


@pytest.fixture
def key() -> ClientKey:
    """A key that may use `mine` alone."""
    return make_key(name="laptop", allowed_routes="mine").row


def explain(browser: Client, request: Any, **fields: Any) -> Any:
    """The page after a request was submitted."""
    body = request if isinstance(request, str) else json.dumps(request)
    return browser.post(PAGE, {"body": body, **fields})


def errors_of(response: Any) -> dict[str, str]:
    """The form's errors by field."""
    assert response.status_code == 200
    return {name: " ".join(errors) for name, errors in response.context["form"].errors.items()}


def test_it_begins_with_a_sample_and_explains_nothing(admin_client: Client, first: Route) -> None:
    response = admin_client.get(PAGE)
    assert "What is the capital of Iceland?" in text_of(response)
    assert "Outcome" not in text_of(response)
    links = links_of(response)
    assert [links[sample.title] for sample in SAMPLES] == [f"?sample={sample.name}#outcome" for sample in SAMPLES]


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_every_sample_is_one_click(name: str, admin_client: Client, first: Route) -> None:
    Route.objects.filter(pk=first.pk).update(is_default=True)
    response = admin_client.get(PAGE, {"sample": name})
    assert not response.context["form"].errors
    assert "The route is mine" in text_of(response)
    assert "POST https://there.example/v1/chat/completions" in text_of(response)


def test_it_shows_outcome_phases_candidates_costs_requests_and_facts(admin_client: Client, first: Route) -> None:
    response = explain(admin_client, request_body("mine", "Say <b>hello</b>"), output="2000", tokens="1000000")
    text = text_of(response)
    for shown in (
        "The route is mine , chosen by the phase name",
        "a route has this name",
        "not reached",
        "Cost for 2,000 output tokens",
        "there, credential main",
        "$3.03",
        "tried if those before it fail",
        "authorization: Bearer ••••••••",
        '"content": "Say <b>hello</b>"',
        "./gateway explain_route prints them in full",
        "tokens 1000000",
    ):
        assert shown in text, shown
    page = response.content.decode()
    assert "<b>hello</b>" not in page
    assert SECRET not in page


def test_a_refusal_is_shown_with_its_status_and_causes(admin_client: Client, first: Route, key: ClientKey) -> None:
    other = make_route([], name="other")
    text = text_of(explain(admin_client, request_body("other"), key=str(key.pk)))
    assert "Refused with HTTP 404 not_found_error" in text
    assert "(sk-px-" in text
    assert "Refused with HTTP 503" in text_of(explain(admin_client, request_body(other.name)))
    Model.objects.filter(name="big").update(enabled=False)
    assert "there: big the model is switched off unusable" in text_of(explain(admin_client, request_body("mine")))


def test_long_texts_are_cut_with_their_length(admin_client: Client, first: Route) -> None:
    page = explain(admin_client, request_body("mine", "x" * 5000)).content.decode()
    assert "(3,000 more characters)" in page
    # Once in the form, where it was typed.
    assert page.count("x" * 4000) == 1


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"body": "{"}, "body", "The gateway would reject this with HTTP 400: The body is not valid JSON"),
        ({"body": ""}, "body", "not valid JSON"),
        ({"headers": "nothing"}, "headers", "Write one header per line"),
        ({"rules": '{"route": "gone"}'}, "rules", "There is no route 'gone'"),
        ({"tokens": "-1"}, "tokens", "greater than or equal to 0"),
        ({"key": "4711"}, "key", "4711 is not one of the available choices"),
        ({"logged": "req_missing"}, "logged", "There is no logged request with this id."),
        ({"logged": "a\0b"}, "logged", "Null characters are not allowed."),
        ({"body": "x" * 2_000_001}, "body", "at most 2000000 characters"),
    ],
)
def test_errors_are_shown_beside_their_fields(
    fields: dict[str, str], field: str, message: str, admin_client: Client, first: Route
) -> None:
    response = admin_client.post(PAGE, {"body": json.dumps(request_body("mine")), **fields})
    assert message in errors_of(response)[field]
    assert message in text_of(response)
    assert "Outcome" not in text_of(response)


def test_trial_rules_apply_to_one_explanation(admin_client: Client, first: Route) -> None:
    other = make_route([make_model(make_provider("anthropic", "https://a.example"))], name="other")
    rule = json.dumps({"name": "mine", "conditions": [], "route": other.name})
    assert "The route is other , chosen by the phase rules (mine)" in text_of(
        explain(admin_client, request_body("any"), rules=rule)
    )
    assert not Rule.objects.exists()
    assert "HTTP 404" in text_of(explain(admin_client, request_body("any")))


def test_nothing_is_stored_and_nothing_logged(
    admin_client: Client, first: Route, caplog: pytest.LogCaptureFixture
) -> None:
    explain(admin_client, request_body("mine", "the secret words"))
    assert not RequestLog.objects.exists()
    assert not LogEntry.objects.exists()
    assert "secret words" not in caplog.text


def test_a_logged_request_leads_here_with_its_facts_and_its_key(
    admin_client: Client, first: Route, key: ClientKey
) -> None:
    facts = {"request_model": "mine", "streamed": True, "input_estimate": 1234, "tool_count": 2, "images": True}
    identity = request_row(
        request_model="mine", key_id=key.pk, key_name=key.name, decision={"reasons": [], "facts": facts}
    )
    row = RequestLog.objects.get(pk=identity)
    link = links_of(admin_client.get(reverse("admin:usage_requestlog_change", args=[identity])))["Explain this request"]
    assert link == f"{PAGE}?logged={row.request_id}"
    response = admin_client.get(link)
    text = text_of(response)
    assert response.context["form"]["key"].value() == str(key.pk)
    for shown in (
        "The route is mine",
        "tokens 1234",
        "tools — (not stored)",
        "tool_count 2",
        "images yes",
        "The text of a logged request",
    ):
        assert shown in text, shown
    assert response.context["form"]["logged"].value() == row.request_id


def test_a_request_without_facts_has_no_such_link(admin_client: Client) -> None:
    page = reverse("admin:usage_requestlog_change", args=[request_row(decision={"reasons": []})])
    assert "Explain this request" not in links_of(admin_client.get(page))


def test_it_needs_permissions_for_each_part(first: Route, key: ClientKey) -> None:
    identity = request_row(decision={"facts": {"request_model": "mine"}})
    logged = RequestLog.objects.get(pk=identity).request_id
    assert Client().get(PAGE).status_code == 302
    assert staff("providers.change_provider").get(PAGE).status_code == 403
    reader = staff("routing.view_route")
    response = explain(reader, request_body("mine"), logged=logged, key=str(key.pk))
    assert "not one of the available choices" in errors_of(response)["key"]
    text = text_of(explain(reader, request_body("mine"), logged=logged))
    assert "requires the permission to change providers" in text
    assert "https://there.example" not in text
    assert "laptop" not in text
    assert "Hi" in text
    assert reader.get(PAGE, {"logged": logged}).context["form"].is_bound is False
    writer = staff("routing.view_route", "providers.change_provider")
    assert "https://there.example/v1/chat/completions" in text_of(explain(writer, request_body("mine")))


def test_a_configuration_that_cannot_be_loaded_is_reported(admin_client: Client, first: Route) -> None:
    Rule.objects.create(name="broken", route=first, conditions=[{"field": "no", "operator": "is"}])
    text = text_of(admin_client.get(PAGE))
    assert "The configuration cannot be loaded: The rule broken has an invalid condition" in text


@pytest.mark.parametrize("address", ["?logged=a%00b", "?sample=%00", "?sample=nothing"])
def test_invalid_addresses_are_ignored(address: str, admin_client: Client, first: Route) -> None:
    assert admin_client.get(PAGE + address).status_code == 200
