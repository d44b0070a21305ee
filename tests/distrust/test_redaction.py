"""What a provider repeats of our secrets is cut out of its errors: for clients, rows and the Test page."""

from __future__ import annotations

import asyncio
import base64
import html
import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from django.test import override_settings

from providers.config import CredentialConfig, Secret
from providers.dialects import DIALECTS
from providers.errors import ErrorKind, UpstreamError
from providers.errors.redaction import REDACTED, redact, redacted
from routing.snapshot import CandidateConfig
from streaming import probe
from tests.claude.wire import make_call
from tests.harness import speak
from tests.harness.script import Reply
from tests.harness.speakers import SPEAKERS
from tests.harness.upstream import Upstream
from tests.streaming.relaying import candidate, relayed
from usage.sentence import Sentence

KEY = "sk-prov-9fK2/xQ7+mZ4wT1rB8nL5vC3"
HEADER = "portkey/7Hq2+Wm9=Zt4"


def knowing(upstream: Upstream, dialect: str) -> CandidateConfig:
    """A candidate whose provider has a credential and headers of its own."""
    of = candidate(upstream.base_url, path=SPEAKERS[dialect].prefix, dialect=dialect)
    provider = msgspec.structs.replace(
        of.provider,
        credentials=(CredentialConfig(1, "main", Secret(KEY)),),
        needs_secret=True,
        headers=(("x-portkey-config", HEADER), ("x-title", "our-gateway-title"), ("x-zone", "eu-1")),
    )
    return msgspec.structs.replace(of, provider=provider)


def provider(secret: str = KEY) -> Any:
    """A provider with a credential."""
    call = make_call("openai_chat", credentials=(CredentialConfig(1, "main", Secret(secret)),))
    return call.provider


def echoes(secret: str) -> list[str]:
    """The ways in which servers repeat what they got."""
    return [
        secret,
        secret.upper(),
        quote(secret, safe=""),
        html.escape(secret),
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        *(base64.b64encode(before + secret.encode()).decode() for before in (b"", b"a:", b"ab:", b"abc:")),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    ]


def gives_away(text: str, secret: str) -> bool:
    """Whether a text holds eight characters of a secret, in any way of writing it."""
    plain = text.lower()
    forms = [form.lower() for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())]
    return any(form[at : at + 8] in plain for form in forms for at in range(len(form) - 7))


@pytest.mark.parametrize("echo", echoes(KEY))
def test_a_credential_is_cut_out_however_it_is_written(echo: str) -> None:
    text = f"The key {echo} is not valid for model x-1."
    cut = redacted(text, provider())
    assert cut.startswith("The key ")
    assert cut.endswith(" is not valid for model x-1.")
    assert REDACTED in cut
    assert not gives_away(cut, KEY)


@pytest.mark.parametrize("part", [KEY[:12], KEY[:10] + "...", KEY[-12:], KEY[5:20], f"{KEY[:9]}****{KEY[-9:]}"])
def test_a_part_of_a_credential_is_cut_out(part: str) -> None:
    cut = redacted(f"Incorrect API key provided: {part}. See the docs.", provider())
    assert cut.startswith(f"Incorrect API key provided: {REDACTED}")
    assert cut.endswith(". See the docs.")
    assert not gives_away(cut, KEY)


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("ollama", "model not found: try `ollama pull x`"),
        ("sk-no-key-required", "max_tokens is required here"),
        ("none", "none of the models answers"),
        (KEY, "Keys begin with sk- and are 32 characters long. See https://docs.example.com/errors#401"),
    ],
)
def test_a_placeholder_is_no_secret_and_other_words_stay(secret: str, text: str) -> None:
    assert redacted(text, provider(secret)) == text


def test_short_credentials_are_cut_out_as_words() -> None:
    assert redacted("abc123 and abc1234", provider("abc123")) == f"{REDACTED} and abc1234"


def test_a_key_file_and_a_signature_are_cut_out() -> None:
    file = {"type": "service_account", "token_uri": "https://oauth2.example.com/token"}
    file["private_key"] = "-----BEGIN KEY-----\nMIIEv9a8b7c6d5e4f3\n"
    signed = "AWS4-HMAC-SHA256 Credential=AKIA9XYZ8QRS7TUV6W/20261129/eu/bedrock, SignedHeaders=host, Signature=0f"
    text = "At https://oauth2.example.com/token: MIIEv9a8b7c6d5e4f3, AKIA9XYZ8QRS7TUV6W and eyJhbGciOiJS.eyJpc3MiOiJh.c"
    cut = f"At https://oauth2.example.com/token: {REDACTED}, {REDACTED} and {REDACTED}"
    assert redacted(text, provider(json.dumps(file)), [("authorization", signed)]) == cut


def test_our_own_sentences_stay_and_a_code_is_replaced() -> None:
    error = UpstreamError(ErrorKind.SERVER, Sentence("It failed."), code=KEY)
    redact(error, provider())
    assert (error.message, error.code) == ("It failed.", "redacted")
    assert isinstance(error.message, Sentence)


REPEATED = f"Wrong: {KEY} with x-portkey-config {HEADER} and x-title our-gateway-title in zone eu-1"
CUT = f"Wrong: {REDACTED} with x-portkey-config {REDACTED} and x-title our-gateway-title in zone {REDACTED}"


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("place", ["status", "stream", "broken off"])
@override_settings(STORE_PROVIDER_ERRORS=True)
def test_neither_the_client_nor_a_row_gets_our_secrets(
    place: str, dialect: str, stream: bool, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = speak.refusal(dialect, 400, REPEATED, code=KEY, headers={"x-request-id": KEY})
    broken = [speak.error_in_stream(dialect, REPEATED)]
    if place == "broken off":
        broken = [speak.opening(dialect, "So it begins"), *broken]
    reply = refusal if place == "status" else Reply(broken, headers={"content-type": SPEAKERS[dialect].content_type})
    with caplog.at_level("DEBUG"):
        answer = asyncio.run(relayed(upstream.script(reply).prompt, knowing(upstream, dialect), stream=stream))
    assert CUT.encode() in answer.body
    account = answer.exchange.account
    written = repr((account.request, account.attempts, caplog.messages, [record.__dict__ for record in caplog.records]))
    for secret in (KEY, HEADER):
        assert not gives_away(answer.body.decode(), secret)
        assert not gives_away(written, secret)


def test_the_test_page_shows_no_secret(upstream: Upstream) -> None:
    script = upstream.script(speak.refusal("openai_chat", 401, REPEATED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "_PROMPT", script.prompt)
        result = asyncio.run(probe._ask(knowing(upstream, "openai_chat")))
    assert (result.ok, result.error) == (False, CUT)
