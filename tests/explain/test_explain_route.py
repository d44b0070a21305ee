"""`./gateway explain_route`: the same explanation for a terminal and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from routing.models import Route
from tests.admin.history import request_row
from tests.explain.questions import SECRET, request_body
from tests.harness.configure import make_key, make_model, make_provider, make_route
from usage.models import RequestLog

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mine() -> Route:
    """A route with one model at a provider with a credential."""
    provider = make_provider("openai_chat", "https://there.example/v1", secret=SECRET, name="there")
    return make_route([make_model(provider, name="big", context_window=1000)], name="mine", is_default=True)


def run(*arguments: str) -> str:
    """The output of the command."""
    out = io.StringIO()
    call_command("explain_route", *arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> Any:
    """The explanation."""
    return json.loads(run(*arguments, "--json"))


def test_a_file_in_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request_body("mine", "x" * 5000)))
    text = run("--request", str(path), "--output-tokens", "2000")
    for shown in (
        "Route mine, chosen by name/mine, for any key",
        "> name           a route has this name",
        "  default_route  (not reached)",
        "2,000 output tokens",
        "no candidate fits completely",
        "1. there: big  $0.03",
        "POST https://there.example/v1/chat/completions",
        "authorization: Bearer ••••••••",
        "x" * 5000,
    ):
        assert shown in text, shown
    assert SECRET not in text


def test_standard_input_headers_rules_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    make_route([make_model(make_provider("anthropic", "https://a.example"))], name="other")
    body = io.BytesIO(json.dumps(request_body("any")).encode())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=body))
    rule = '{"conditions": [{"field": "header.x-tier", "operator": "is", "value": "gold"}], "route": "other"}'
    late = '{"route": "mine"}'
    found = as_json("--request", "-", "--header", "X-Tier=gold", "--rule", rule, "--rule", late)
    assert (found["route"], found["rule"]) == ("other", "trial rule 1")
    assert found["facts"]["header.x-tier"] == "gold"
    assert found["attempts"][0]["upstream"]["url"] == "https://a.example/v1/messages"
    assert found["refusal"] is None


def test_a_sample_with_more_or_fewer_tokens() -> None:
    assert as_json("--sample", "long")["facts"]["tokens"] == 200_000
    assert as_json("--sample", "long", "--tokens", "5")["facts"]["tokens"] == 5


def test_a_key_by_name_or_prefix() -> None:
    one, two = make_key(name="twice", allowed_routes="nothing").row, make_key(name="twice").row
    refused = as_json("--sample", "chat", "--key", one.prefix)
    assert refused["refusal"]["status"] == 403
    assert "allow-list" in str(refused["verdicts"])
    assert as_json("--sample", "chat", "--key", two.prefix)["key"] == f"twice ({two.prefix}…)"
    with pytest.raises(CommandError, match="Several client keys are named 'twice': sk-px-"):
        run("--sample", "chat", "--key", "twice")
    with pytest.raises(CommandError, match="There is no client key 'missing'"):
        run("--sample", "chat", "--key", "missing")


def test_a_logged_request() -> None:
    identity = request_row(request_model="mine", decision={"facts": {"request_model": "mine", "input_estimate": 77}})
    request_id = RequestLog.objects.get(pk=identity).request_id
    text = run("--logged", request_id)
    assert "The text of a logged request is not stored" in text
    assert "tokens             77" in text
    with pytest.raises(CommandError, match="no logged request with this id"):
        run("--logged", "req_missing")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--request", "/nowhere/at/all"), "/nowhere/at/all cannot be read: No such file"),
        (("--sample", "chat", "--header", "nothing"), "Write one header per line"),
        (("--sample", "chat", "--rule", "{"), "Write a list of rules"),
        ((), "one of the arguments --request --logged --sample is required"),
    ],
)
def test_what_cannot_be_explained_is_an_error_that_says_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
