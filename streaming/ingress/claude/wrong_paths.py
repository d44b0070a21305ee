"""Paths of clients whose base URL is wrong, or who speak another API, and what to change.

Of such a path no more is shown than the end that is known here: whatever stands in front of it may be anything.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streaming.ingress.claude import paths

_ANY: Final = "/…"


class _Words(msgspec.Struct, frozen=True):
    """Two sentences, of which `advice` has `{url}` where an address goes: the gateway's own with `behind` after it."""

    why: str
    advice: str
    behind: str = ""


class WrongPath(msgspec.Struct, frozen=True):
    """`shown` is as much of the path as is known, `why` a sentence."""

    shown: str
    why: str
    words: _Words

    def advice(self, address: str) -> str:
        """Returns what to change; `address` is the gateway's own, empty where nobody knows it."""
        behind = f" with {self.words.behind} behind it" if self.words.behind else ""
        return self.words.advice.format(
            url=f"{address}{self.words.behind}" if address else f"the address of this gateway{behind}"
        )


_LONGER = _Words(
    "Something stands in front of the API's path.",
    "Set the client's base URL to {url}, without a path and without /v1.",
)
_WITHOUT_V1 = _Words("The path has no /v1.", "This client adds none: set its base URL to {url}.", "/v1")
_BARE = _Words(
    "There is no path.", "This client takes the whole address of an endpoint: set it to {url}.", paths.MESSAGES
)
_MISSING = _Words("That part of Claude's API is none of this gateway's.", "Switch off in the client what needs it.")


def _other(api: str) -> _Words:
    return _Words(
        f"That is the API of {api}, and this gateway speaks Claude's.",
        "Choose Anthropic for the client's provider or API, with {url} for its base URL.",
    )


_OPENAI, _GEMINI, _OLLAMA = map(_other, ("OpenAI", "Gemini", "Ollama"))
_ENDS: Final = {
    paths.COUNT_TOKENS: _LONGER,
    paths.MESSAGES: _LONGER,
    paths.MODELS: _LONGER,
    "/messages/count_tokens": _WITHOUT_V1,
    "/messages": _WITHOUT_V1,
    "/v1/messages/batches": _MISSING,
    "/v1/files": _MISSING,
    "/v1/complete": _MISSING,
    "/chat/completions": _OPENAI,
    "/completions": _OPENAI,
    "/responses": _OPENAI,
    "/embeddings": _OPENAI,
    "/v1beta/models": _GEMINI,
    ":generateContent": _GEMINI,
    ":streamGenerateContent": _GEMINI,
    "/api/chat": _OLLAMA,
    "/api/generate": _OLLAMA,
    "/api/tags": _OLLAMA,
    "/api/show": _OLLAMA,
}
"""How paths end. The first that fits holds, so longer ones stand first."""
_WHOLE: Final = {"/models": _WITHOUT_V1, "/": _BARE, "/v1": _BARE, "/v1/": _BARE}
"""Whole paths, whose words are not those of longer ones that end so."""


def wrong(method: str, path: str) -> WrongPath | None:
    """Returns what is known of a path that the API does not have; None where nothing is, and for a path that it has.

    It says the same of `shown`.
    """
    if paths.method_of(path) is not None:
        return None
    whole = _WHOLE.get(path)
    # Browsers and probes GET an address alone.
    if whole is not None and (whole is not _BARE or method == "POST"):
        return WrongPath(path, whole.why, whole)
    tidied = path.rstrip("/")
    for end, words in _ENDS.items():
        if tidied.endswith(end):
            return WrongPath(tidied if tidied in (end, f"/v1{end}") else f"{_ANY}{end}", words.why, words)
    return None


def advice(method: str, path: str, address: str) -> str:
    """Returns what to tell the client; `address` as for WrongPath.advice."""
    found = wrong(method, path)
    if found is None:
        return "A client's base URL is the address of this gateway without a path."
    return f"{found.why} {found.advice(address)}"


def shown(method: str, path: str) -> tuple[str, bool]:
    """Returns as much of a path as may be shown to others than its client, and whether it is one of a wrong base URL or
    of another API."""
    if path.startswith(paths.MODEL):
        return f"{paths.MODEL}…", False
    if paths.method_of(path) is not None:
        return path, False
    found = wrong(method, path)
    return (_ANY, False) if found is None else (found.shown, True)
