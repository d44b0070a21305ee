"""A prompt that is too long, in every server's words, becomes Claude's sentence; other words do not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.dialects.openai_chat.profiles import choices
from tests.dialects.refusals.overflow_wordings import BY_PLATFORM, BY_PROFILE
from tests.dialects.refusals.test_refusals import openai, refused

OPENAI_LONG = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens. "
    "Please reduce the length of the messages."
)


@pytest.mark.parametrize(
    ("message", "code", "claudes"),
    [
        (OPENAI_LONG, "context_length_exceeded", "prompt is too long: 130000 tokens > 128000 maximum"),
        (OPENAI_LONG, None, "prompt is too long: 130000 tokens > 128000 maximum"),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the "
            "messages, 100 in the completion). Please reduce the length of the messages or completion.",
            None,
            "prompt is too long: 4900 tokens > 4096 maximum",
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the "
            "messages, 4000 in the completion). Please reduce the length of the messages or completion.",
            None,
            "input length and `max_tokens` exceed context limit: 1000 + 4000 > 4096",
        ),
        (
            "This endpoint's maximum context length is 200000 tokens. However, you requested about 250000 tokens "
            "(240000 of text input, 5000 of tool input, 5000 in the output).",
            400,
            "prompt is too long: 240000 tokens > 200000 maximum",
        ),
        (
            "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
            None,
            "prompt is too long: 140000 tokens > 131072 maximum",
        ),
        (
            "The input token count (1,100,000) exceeds the maximum number of tokens allowed (1,048,576).",
            None,
            "prompt is too long: 1100000 tokens > 1048576 maximum",
        ),
        (
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            None,
            "prompt is too long: 40000 tokens > 32768 maximum",
        ),
        (
            "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
            None,
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
        (
            "prompt is too long: 210000 tokens > 200000 maximum",
            None,
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        (
            "Please reduce the length of the messages or completion.",
            "context_length_exceeded",
            "prompt is too long: Please reduce the length of the messages or completion.",
        ),
        (
            "Range of input length should be [1, 98304]",
            None,
            "prompt is too long: Range of input length should be [1, 98304]",
        ),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 128000. This model's maximum context length is "
            "32768 tokens and your request has 20000 input tokens (128000 > 32768 - 20000).",
            None,
            "input length and `max_tokens` exceed context limit: 20000 + 128000 > 32768",
        ),
        (
            "You passed 9000 input tokens and requested 500 output tokens. However, the model's context length is only "
            "8192 tokens, resulting in a maximum input length of 7692 tokens.",
            None,
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
        (
            "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
            None,
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
        (
            "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
            None,
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
        (
            "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of "
            "9000 tokens: 8000 tokens from the input messages and 1000 tokens for the completion.",
            None,
            "input length and `max_tokens` exceed context limit: 8000 + 1000 > 8192",
        ),
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens "
            "and 1000 `max_new_tokens`",
            None,
            "prompt is too long: 9000 tokens > 8193 maximum",
        ),
        (
            "The prompt is too long: 140000, model maximum context length: 131071",
            None,
            "prompt is too long: 140000 tokens > 131071 maximum",
        ),
        (
            "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
            "context_length_exceeded",
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
        (
            "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)",
            None,
            "prompt is too long: 140000 tokens > 131072 maximum",
        ),
        (
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens. "
            "Please reduce the length of the messages.",
            None,
            "prompt is too long: 300000 tokens > 272000 maximum",
        ),
        (
            "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with "
            "context length of only 4096 tokens, which is not enough.",
            None,
            "prompt is too long: 5000 tokens > 4096 maximum",
        ),
        (
            "prompt token count of 130000 exceeds the limit of 128000",
            "model_max_prompt_tokens_exceeded",
            "prompt is too long: 130000 tokens > 128000 maximum",
        ),
        (
            "litellm.BadRequestError: ContextWindowExceededError: too much",
            None,
            "prompt is too long: litellm.BadRequestError: ContextWindowExceededError: too much",
        ),
        (
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "context_length_exceeded",
            "prompt is too long: Your input exceeds the context window of this model. Please adjust your input and try "
            "again.",
        ),
        (
            "input length exceeds the context length",
            None,
            "prompt is too long: input length exceeds the context length",
        ),
    ],
)
def test_a_prompt_that_is_too_long_in_claudes_words(message: str, code: Any, claudes: str) -> None:
    error = refused(400, openai(message, "invalid_request_error", code))
    assert (error.kind.value, error.message) == ("context_overflow", claudes)


@pytest.mark.parametrize(("message", "claudes"), [(row[-3], row[-2]) for row in (*BY_PROFILE, *BY_PLATFORM)])
def test_what_every_profiles_server_says(message: str, claudes: str) -> None:
    error = refused(400, openai(message))
    assert (error.kind.value, error.message) == ("context_overflow", claudes)


def test_every_profile_has_its_wording() -> None:
    assert {row[0] for row in BY_PROFILE} == {name for name, _ in choices()} - {"", "generic", "local"}


def test_a_code_of_the_servers_own_is_enough() -> None:
    error = refused(400, {"error": {"code": "1261", "message": "Prompt 超长"}})
    assert (error.kind.value, error.code, error.message) == (
        "context_overflow",
        "1261",
        "prompt is too long: Prompt 超长",
    )


def test_llama_cpp_tells_the_numbers_apart() -> None:
    inner = {"code": 400, "message": "m", "type": "exceed_context_size_error", "n_prompt_tokens": 900, "n_ctx": 512}
    error = refused(400, {"error": inner})
    assert (error.kind.value, error.message) == ("context_overflow", "prompt is too long: 900 tokens > 512 maximum")


@pytest.mark.parametrize(
    "message",
    [
        "Request too large for gpt-5 on tokens per min (TPM): Limit 30000, Requested 40000.",
        "max_tokens is too large: 128000. This model supports at most 16384 completion tokens.",
        "Invalid 'messages[0].content': string too long.",
        "max_tokens must be at least 1, got 0.",
        "Too many tokens, please wait before trying again.",
        "The maximum tokens you requested exceeds the model limit of 32768",
    ],
)
def test_what_is_no_long_prompt(message: str) -> None:
    assert refused(400, openai(message)).kind.value == "invalid_request"


def test_a_claude_compatible_server_that_speaks_of_its_context_in_other_words() -> None:
    inner = {"type": "invalid_request_error", "message": OPENAI_LONG}
    error = DIALECTS["anthropic"].error(400, {}, msgspec.json.encode({"type": "error", "error": inner}))
    assert (error.kind.value, error.message) == (
        "context_overflow",
        "prompt is too long: 130000 tokens > 128000 maximum",
    )
