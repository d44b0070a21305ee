"""Whose fault a refusal is: what a provider says about a prompt's content is no fault of the gateway's credential."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.errors import UpstreamError
from providers.errors.response import payload_error
from providers.platforms.bedrock import errors as bedrock
from tests.dialects.refusals.test_refusals import openai, refused

XAI = (
    "Content violates usage guidelines. Team: 00000000-0000, API key ID: 0000, Model: grok-4-0709, "
    "Failed check: SAFETY_CHECK_TYPE_BIO"
)
OPENAI = (
    "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a "
    "different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting"
)


def _claude(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _raw(message: str, raw: Any) -> dict[str, Any]:
    inner = {"raw": msgspec.json.encode(raw).decode(), "provider_name": "xAI"}
    return {"error": {"code": 403, "message": message, "metadata": inner}}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        # xAI, by itself in two shapes (UKGovernmentBEIS/inspect_ai#2267, Wei-Shaw/sub2api#5359) and by OpenRouter.
        (403, {"code": "The caller does not have permission to execute the specified operation", "error": XAI}, XAI),
        (
            403,
            {"code": "permission-denied", "error": "Content violates usage guidelines. "},
            "Content violates usage guidelines.",
        ),
        (403, _raw("Provider returned error", {"code": "x", "error": XAI}), f"Provider returned error: {XAI}"),
        # OpenRouter: https://openrouter.ai/docs/errors
        (
            403,
            {
                "error": {
                    "code": 403,
                    "message": 'openai/o3 requires moderation on OpenAI. Your input was flagged for "self-harm".',
                    "metadata": {"reasons": ["self-harm"], "flagged_input": "...", "provider_name": "OpenAI"},
                }
            },
            'openai/o3 requires moderation on OpenAI. Your input was flagged for "self-harm".',
        ),
        (
            403,
            {"error": {"code": 403, "message": "No.", "metadata": {"error_type": "content_policy_violation"}}},
            "No.",
        ),
        (403, openai("Request blocked: prompt injection patterns detected"), None),
        # ZenMux, new-api, Volcengine, Alibaba, Z.ai: a code is enough, whatever the words.
        (403, {"error": {"code": "403", "type": "safety_check_failed", "message": "No."}}, "No."),
        (403, openai("No.", code="sensitive_words_detected"), "No."),
        (403, openai("No.", code="InputTextSensitiveContentDetected"), "No."),
        (403, openai("No.", code="DataInspectionFailed"), "No."),
        (403, {"error": {"code": "1301", "message": "No."}}, "No."),
        (500, openai("No.", code="content_policy_violation"), "No."),
        # 401, of a proxy that knows no better status.
        (401, openai("The prompt was flagged by our moderation."), None),
        (403, openai("Your request was rejected as a result of our safety system."), None),
        (403, openai("The response was filtered due to Azure OpenAI's content management policy."), None),
        (403, openai("This prompt contains sensitive words that violate Google's Responsible AI practices."), None),
        (403, openai("The request was rejected because it was considered high risk"), None),
        (403, openai("Content Exists Risk"), None),
        (403, openai("Input data may contain inappropriate content."), None),
        (403, openai("System detected potentially unsafe or sensitive content in input or generation."), None),
        (400, openai(OPENAI, "invalid_request_error", "invalid_prompt"), OPENAI),
        (403, b"Your input was flagged by our moderation.", "Your input was flagged by our moderation."),
    ],
)
def test_what_a_prompt_says_is_the_prompts_fault(status: int, body: Any, message: str | None) -> None:
    error = refused(status, body)
    assert error.kind.value == "invalid_request"
    assert not error.retryable
    assert message is None or error.message == message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, {"code": "permission-denied", "error": "Access to the chat endpoint is denied."}, "permission"),
        (403, openai("Your account has been suspended for content that violates our usage policies."), "permission"),
        (403, openai("This organization has been disabled. Its content violated our policies."), "permission"),
        (403, openai("Access terminated. Review our Community Guidelines.", "access_terminated_error"), "permission"),
        (403, openai("messages.0.content must be a string"), "permission"),
        (403, openai("Content-Type must be application/json"), "permission"),
        (403, openai("You have no access to safety models"), "permission"),
        (403, openai("The moderation endpoint needs another key"), "permission"),
        (403, b"<html><title>Request blocked.</title>We can't connect to the server</html>", "permission"),
        (403, openai("Request blocked: explicit deny in a service control policy"), "permission"),
        (415, openai("Unsupported Content-Type"), "invalid_request"),
        (500, openai("Oops while serving: the prompt was flagged"), "server"),
        (429, openai("Your input was flagged too often", code="rate_limit_exceeded"), "rate_limit"),
        # xAI's 400 of a wrong key is the credential's fault, though its status blames the request.
        (
            400,
            {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***."},
            "authentication",
        ),
        (400, openai("messages.0.content must be a string"), "invalid_request"),
    ],
)
def test_a_word_alone_blames_no_prompt(status: int, body: Any, kind: str) -> None:
    assert refused(status, body).kind.value == kind


def _kind_in_stream(payload: Any) -> str:
    return payload_error(payload).kind.value


@pytest.mark.parametrize(
    "payload",
    [
        {"code": 403, "message": XAI},
        {"error": {"message": OPENAI, "code": "invalid_prompt"}},
        {"code": "invalid_base64_image", "message": "The image data you provided does not represent a valid image."},
        {"code": "image_parse_error", "message": "No."},
        {"code": "421", "message": "Moderation Block", "type": "content_filter"},
    ],
)
def test_the_same_inside_a_stream(payload: Any) -> None:
    assert _kind_in_stream(payload) == "invalid_request"


def test_an_unknown_failure_inside_a_stream_stays_the_servers() -> None:
    assert _kind_in_stream({"message": "The content could not be generated."}) == "server"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_knows_whose_fault_it_is(dialect: str) -> None:
    def of(message: str) -> UpstreamError:
        body = _claude("permission_error", message) if dialect == "anthropic" else openai(message)
        return DIALECTS[dialect].error(403, {}, msgspec.json.encode(body))

    assert of(XAI).kind.value == "invalid_request"
    assert of(XAI).message == XAI
    assert of("Access to the chat endpoint is denied.").kind.value == "permission"


def test_bedrock_knows_it_in_responses_and_frames() -> None:
    words = "This request has been blocked by our content filters."
    body = msgspec.json.encode({"message": words})
    for code in ("AccessDeniedException", "InternalServerException"):
        headers = {"x-amzn-errortype": code}
        assert bedrock.of_response(403, headers, body).kind.value == "invalid_request"
    assert bedrock.of_frame({":exception-type": "modelStreamErrorException"}, body).kind.value == "invalid_request"
    denied = msgspec.json.encode({"message": "User is not authorized to perform: bedrock:InvokeModel on content"})
    assert bedrock.of_response(403, {"x-amzn-errortype": "AccessDeniedException"}, denied).kind.value == "permission"
