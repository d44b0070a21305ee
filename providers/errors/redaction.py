"""Cuts our own secrets out of what a provider says in an error, before anybody sees it.

Whole secrets are found as they are, in URLs, in HTML, in JSON and in base64; of a credential also any part that gives
away something of it. Only errors pass through here.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, urlsplit

from access import key_format
from providers.config import ProviderConfig
from providers.errors import UpstreamError
from usage.sentence import Sentence

REDACTED = "[redacted]"
PUBLIC_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "content-type", "content-length", "host", "user-agent", "x-attempt-id"),
        *("anthropic-version", "anthropic-beta", "x-amz-date", "x-amz-content-sha256"),
        *("http-referer", "x-title", "openai-organization", "openai-project", "openai-beta"),
    }
)
"""Headers of a request whose values are no secrets: an error that names one helps."""
_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"})
_PART = 8
"""So many characters of a credential, one after the other, are a part of it."""
_SURE_PART = 12
"""So many are one even if they are words; placeholders such as `sk-no-key-required` have words in them."""
_LONG = 512
_PIECE = re.compile(r"[^\s,;=\"]+")
_DIGIT = re.compile(r"\d")
_TOKEN = re.compile(
    rf"\beyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)?|{key_format.PATTERN}|{key_format.OLDER_PATTERN}", re.ASCII
)
"""Tokens of others, and client keys, which a client may have written into its request."""


def redact(error: UpstreamError, provider: ProviderConfig, sent: Iterable[tuple[str, str]] = ()) -> None:
    """Cuts the provider's credentials and the values of its own headers out of an error's message and code.

    `sent` are the headers of the request that failed.
    """
    secrets, values = _secrets(provider, sent)
    if not isinstance(error.message, Sentence):
        error.message = _redacted(error.message, secrets, values)
    if error.code is not None and _redacted(error.code, secrets, values) != error.code:
        error.code = "redacted"


def redacted(text: str, provider: ProviderConfig, sent: Iterable[tuple[str, str]] = ()) -> str:
    """Returns a text of the provider's without our secrets."""
    return _redacted(text, *_secrets(provider, sent))


def _redacted(text: str, secrets: Iterable[str], values: Iterable[str]) -> str:
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = text
    found = [match.span() for match in _TOKEN.finditer(text)]
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in forms.union(*map(_forms, values)):
        found += _whole(lowered, form)
    found += _parts(lowered, {form[at : at + _PART] for form in forms for at in range(len(form) - _PART + 1)})
    return _without(text, found) if found else text


def _secrets(provider: ProviderConfig, sent: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    """Returns our credentials, and the values of other headers that concern nobody."""
    secrets: set[str] = set()
    for credential in provider.credentials:
        secrets.update(_pieces_of_secret(credential.secret.reveal()))
    password = urlsplit(provider.proxy_url).password if provider.proxy_url else None
    if password:
        secrets.add(password)
    values: set[str] = set()
    for name, value in (*sent, *provider.headers):
        name = name.lower()
        if name in _CREDENTIALS:
            # Behind the scheme; of a signature its parts.
            pieces = _PIECE.findall(value)
            secrets.update(piece for piece in pieces if len(piece) >= 20 or (_DIGIT.search(piece) and len(piece) > 3))
        elif name not in PUBLIC_HEADERS and not name.startswith("x-claude-code-"):
            values.add(value.strip())
    return {secret for secret in secrets if _may_be_secret(secret)}, {
        value for value in values if _may_be_secret(value)
    }


def _pieces_of_secret(secret: str) -> Iterator[str]:
    """Yields the secret, or what is secret of a key file in JSON."""
    if not secret.lstrip().startswith("{"):
        yield secret.strip()
        return
    try:
        fields = json.loads(secret)
    except (ValueError, RecursionError):
        yield secret.strip()
        return
    for value in fields.values():
        if isinstance(value, str) and len(value) >= 24 and "://" not in value and "@" not in value:
            yield value.strip()


def _may_be_secret(value: str) -> bool:
    """Whether it is more than a placeholder such as `ollama` or a setting such as `true`."""
    return len(value) >= _PART or (len(value) >= 4 and not value.isalpha())


def _forms(secret: str) -> Iterator[str]:
    """Yields the ways in which it may be written, in small letters."""
    yield from {
        form.lower()
        for form in (
            *(secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), json.dumps(secret)[1:-1]),
            *(_base64(secret) if len(secret) <= _LONG else ()),
        )
    }


def _base64(secret: str) -> Iterator[str]:
    """Yields what is always there of the secret in base64, whatever stands before it (`user:secret`)."""
    data = secret.encode("utf-8", "replace")
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(b"\0" * before + data).decode()[mixed : (before + len(data)) * 8 // 6]
        if len(encoded) >= _PART:
            yield encoded
            yield encoded.replace("+", "-").replace("/", "_")


def _whole(text: str, form: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        end = start + len(form)
        # A short one may be a part of any word.
        alone = not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())
        if alone or len(form) >= _PART:
            yield start, end
        start = text.find(form, end)


def _parts(text: str, windows: set[str]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for at in range(len(text) - _PART + 1):
        if text[at : at + _PART] in windows:
            if at > end:
                if _is_part(text[start:end]):
                    yield start, end
                start = at
            end = at + _PART
    if start >= 0 and _is_part(text[start:end]):
        yield start, end


def _is_part(found: str) -> bool:
    return len(found) >= _SURE_PART or (len(found) >= _PART and _DIGIT.search(found) is not None)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not kept:
            kept += (text[at:start], REDACTED)
        at = max(at, end)
    return "".join(kept) + text[at:]
