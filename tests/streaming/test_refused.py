"""The seam between an ingress and what is below it: refusals without the words of a client API."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from providers.errors import ErrorKind, UnsupportedRequest, UpstreamError
from routing.decision import NoHealthyCandidate, NoUsableCandidate
from streaming import refused
from streaming.ingress.claude import errors
from streaming.refused import RefusalKind, Refused
from tests.routing.builders import route
from usage.sentence import Sentence

STREAMING = Path(refused.__file__).parent
BELOW = sorted(path for path in STREAMING.rglob("*.py") if "ingress" not in path.relative_to(STREAMING).parts)
CLAUDE_TYPES = {errors.type_of_status(status) for status in range(400, 600)}


def test_no_error_type_of_claudes_is_named_outside_its_ingress() -> None:
    found = [
        f"{path.relative_to(STREAMING)}:{node.lineno}: {node.value}"
        for path in BELOW
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in CLAUDE_TYPES
    ]
    assert found == []
    assert len(CLAUDE_TYPES) > 10
    assert len(BELOW) > 20


@pytest.mark.parametrize("kind", RefusalKind)
def test_every_kind_has_a_status(kind: RefusalKind) -> None:
    answer = errors.of_refused(Refused(kind, "why", code="a_code"))
    assert 400 <= answer.status < 600
    own = "billing_error" if kind is RefusalKind.QUOTA_EXHAUSTED else errors.type_of_status(answer.status)
    assert (answer.message, answer.code, answer.type) == ("why", "a_code", own)


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_row_says_why_without_the_providers_words(kind: ErrorKind) -> None:
    made = refused.of_upstream(UpstreamError(kind, "its words", status=418), "m" * 100)
    assert "its words" not in made.why
    assert made.why.startswith(f"The provider {'m' * 79}… ")
    assert made.why.endswith(" (HTTP 418).")
    ours = refused.of_upstream(UpstreamError(kind, Sentence("Our {what}.", what="words"), status=418), "mine")
    assert ours.why == "Our words. (provider mine)"


def test_a_row_says_why_of_what_a_dialect_cannot_express() -> None:
    assert refused.of_unsupported(UnsupportedRequest("the tool secret"), "mine").why == (
        "The provider mine cannot be sent this request."
    )
    ours = UnsupportedRequest(Sentence("It has {count} files.", count=3))
    assert refused.of_unsupported(ours, "mine").why == "It has 3 files. (provider mine)"


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_failure_of_a_provider_is_a_refusal_with_its_code(kind: ErrorKind) -> None:
    made = refused.of_upstream(UpstreamError(kind, "its words", status=418), "mine")
    assert made.code == kind.value
    assert "its words" in made.message or "administrator" in made.message


@pytest.mark.parametrize(
    ("status", "answered"), [(500, 500), (503, 503), (504, 504), (502, 502), (599, 502), (None, 502)]
)
def test_a_providers_server_error_is_passed_on_where_clients_know_it(status: int | None, answered: int) -> None:
    made = refused.of_upstream(UpstreamError(ErrorKind.SERVER, "broken", status=status, retry_after=3.0), "mine")
    answer = errors.of_refused(made)
    assert answer.status == answered
    assert dict(answer.headers).get(b"retry-after") == (b"3" if answered == 503 else None)


@pytest.mark.parametrize(("seconds", "sent"), [(0.0, b"1"), (1.2, b"2"), (60.0, b"60"), (300.0, b"60"), (None, None)])
def test_a_retry_after_is_whole_seconds_within_what_clients_accept(seconds: float | None, sent: bytes | None) -> None:
    answer = errors.of_refused(Refused(RefusalKind.RATE_LIMITED, "slow down", retry_after=seconds, of_provider=True))
    assert dict(answer.headers).get(b"retry-after") == sent


@pytest.mark.parametrize(
    ("seconds", "headers"),
    [
        (20, {b"retry-after": b"20"}),
        (20.1, {b"retry-after": b"21", b"x-should-retry": b"false"}),
        (300, {b"retry-after": b"300", b"x-should-retry": b"false"}),
    ],
)
def test_nobody_waits_long_for_a_limit_of_this_gateway(seconds: float, headers: dict[bytes, bytes]) -> None:
    answer = errors.of_refused(Refused(RefusalKind.RATE_LIMITED, "slow down", retry_after=seconds))
    assert (answer.status, answer.type, dict(answer.headers)) == (429, "rate_limit_error", headers)


def test_a_providers_rate_limit_is_waited_for_as_it_says() -> None:
    made = refused.of_upstream(UpstreamError(ErrorKind.RATE_LIMIT, "slow down", status=429, retry_after=45.0), "mine")
    assert dict(errors.of_refused(made).headers) == {b"retry-after": b"45"}


def test_what_only_an_administrator_can_change_is_not_sent_again() -> None:
    broken = errors.of_refused(refused.of_routing(NoUsableCandidate("no model", why=Sentence("no"))))
    assert (broken.status, broken.headers) == (503, [(b"x-should-retry", b"false")])
    key = errors.of_refused(refused.of_upstream(UpstreamError(ErrorKind.AUTHENTICATION, "no", status=401), "mine", 5.0))
    assert (key.status, key.headers) == (502, [(b"x-should-retry", b"false")])
    assert "HTTP 401" in key.message


def test_a_route_that_cools_down_says_when_to_try_again() -> None:
    error = NoHealthyCandidate("all failed", (), (), why=Sentence("all failed"), route=route("r"), retry_after=4.2)
    answer = errors.of_refused(refused.of_routing(error))
    assert (answer.status, answer.headers, answer.code) == (529, [(b"retry-after", b"5")], "no_healthy_candidate")
