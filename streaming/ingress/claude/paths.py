"""The paths of the Claude API, and which of them a client means that wrote one a little differently."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/v1/"
MESSAGES: Final = "/v1/messages"
COUNT_TOKENS: Final = "/v1/messages/count_tokens"
MODELS: Final = "/v1/models"
MODEL: Final = "/v1/models/"
ME: Final = "/v1/me"
USAGE: Final = "/api/oauth/usage"
"""Where Claude Code asks for budgets; the one path beside PREFIX."""

_METHODS: Final = {MESSAGES: "POST", COUNT_TOKENS: "POST", MODELS: "GET", ME: "GET", USAGE: "GET"}
ENDPOINTS: Final = {**_METHODS, MODEL: "GET"}
"""Every endpoint with its method; MODEL stands for every path that begins so."""


def meant(path: str) -> str:
    """Returns the API's path that `path` stands for, or `path` itself.

    A base URL that ends with a slash, or with the /v1 that clients add themselves, doubles what comes next.
    """
    if path in _METHODS or (path.startswith(MODEL) and not path.endswith("/")):
        return path
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["v1", "v1"]:
        del parts[0]
    tidied = "/" + "/".join(parts)
    return tidied if tidied in _METHODS or tidied.startswith(MODEL) else path


def method_of(path: str) -> str | None:
    """Returns the method that a path takes, None for one that the API does not have."""
    return "GET" if path.startswith(MODEL) else _METHODS.get(path)
