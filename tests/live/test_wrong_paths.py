"""What is known of paths that the API does not have, and how much of them others may see."""

from __future__ import annotations

import pytest

from streaming.ingress.claude.paths import ENDPOINTS
from streaming.ingress.claude.wrong_paths import shown, wrong


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/hunter2/v1/messages", "/…/v1/messages"),
        ("/v1/messages/v1/messages/", "/…/v1/messages"),
        ("/hunter2/v1/messages/count_tokens", "/…/v1/messages/count_tokens"),
        ("/v1/hunter2/chat/completions", "/…/chat/completions"),
        ("/v1beta/models/hunter2:streamGenerateContent", "/…:streamGenerateContent"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/messages", "/messages"),
        ("/models", "/models"),
        ("/v1/messages/batches", "/v1/messages/batches"),
        ("/v1/", "/v1/"),
    ],
)
def test_the_end_is_shown_that_is_known(path: str, seen: str) -> None:
    assert shown("POST", path) == (seen, True)
    # What was noted is explained as the path itself was.
    one, again = wrong("POST", path), wrong("POST", seen)
    assert one is not None
    assert one == again
    assert one.advice("https://llm.example") == again.advice("https://llm.example")


@pytest.mark.parametrize(
    "path", ["/favicon.ico", "/api/hello", "/v1/sk-ant-api03-secret", "/", "/v1", "/openai/models", "/wp-login.php"]
)
def test_of_a_path_that_no_client_of_a_model_asks_for_nothing_is_shown(path: str) -> None:
    assert shown("GET", path) == ("/…", False)
    assert wrong("GET", path) is None


def test_paths_that_the_api_has_are_not_wrong() -> None:
    for path, method in ENDPOINTS.items():
        assert wrong(method, path) is None
    assert shown("GET", "/v1/models/hunter2") == ("/v1/models/…", False)
    assert shown("POST", "/v1/messages") == ("/v1/messages", False)
