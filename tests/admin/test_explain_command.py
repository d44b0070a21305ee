"""`manage.py explain_route`: the same explanation for a terminal and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from routing.models import Route
from tests.admin.explaining import SECRET, said
from tests.admin.history import request_row
from tests.harness.configure import make_key, make_model, make_provider, make_route
from usage.models import RequestLog

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mine() -> Route:
    """A route with one model at a provider with a credential."""
    provider = make_provider("openai_chat", "https://there.example/v1", secret=SECRET, name="there")
    return make_route([make_model(provider, name="big", context_window=1000)], name="mine", is_default=True)


def told(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("explain_route", *arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> Any:
    """The explanation."""
    return json.loads(told(*arguments, "--json"))


def test_a_file_in_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(said("mine", "x" * 5000)))
    text = told("--request", str(path), "--output-tokens", "2000")
    for shown in (
        "Route mine, chosen by name/mine, for any key",
        "> name           a route has this name",
        "  default_route  (not asked any more)",
        "2,000 tokens of output",
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
    body = io.BytesIO(json.dumps(said("any")).encode())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=body))
    rule = '{"conditions": [{"field": "header.x-tier", "operator": "is", "value": "gold"}], "route": "other"}'
    late = '{"route": "mine"}'
    found = as_json("--request", "-", "--header", "X-Tier=gold", "--rule", rule, "--rule", late)
    assert (found["route"], found["rule"]) == ("other", "unsaved rule 1")
    assert found["facts"]["header.x-tier"] == "gold"
    assert found["attempts"][0]["upstream"]["url"] == "https://a.example/v1/messages"
    assert found["refusal"] is None


def test_a_sample_with_more_or_fewer_tokens() -> None:
    assert as_json("--sample", "long")["facts"]["tokens"] == 200_000
    assert as_json("--sample", "long", "--tokens", "5")["facts"]["tokens"] == 5


def test_a_key_by_name_or_by_how_it_begins() -> None:
    one, two = make_key(name="twice", allowed_routes="nothing").row, make_key(name="twice").row
    refused = as_json("--sample", "chat", "--key", one.prefix)
    assert refused["refusal"]["status"] == 404
    assert "allow-list" in str(refused["verdicts"])
    assert as_json("--sample", "chat", "--key", two.prefix)["key"] == f"twice ({two.prefix}…)"
    with pytest.raises(CommandError, match="Several client keys are called 'twice': sk-px-"):
        told("--sample", "chat", "--key", "twice")
    with pytest.raises(CommandError, match="There is no client key 'nobody'"):
        told("--sample", "chat", "--key", "nobody")


def test_a_logged_request() -> None:
    identity = request_row(request_model="mine", decision={"facts": {"request_model": "mine", "input_estimate": 77}})
    request_id = RequestLog.objects.get(pk=identity).request_id
    text = told("--logged", request_id)
    assert "No words of a logged request are stored" in text
    assert "tokens             77" in text
    with pytest.raises(CommandError, match="No request of this id"):
        told("--logged", "req_nobody")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--request", "/nowhere/at/all"), "/nowhere/at/all cannot be read: No such file"),
        (("--sample", "chat", "--header", "nothing"), "Write one header a line"),
        (("--sample", "chat", "--rule", "{"), "Write a list of rules"),
        ((), "one of the arguments --request --logged --sample is required"),
    ],
)
def test_what_cannot_be_explained_is_an_error_that_says_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        told(*arguments)
