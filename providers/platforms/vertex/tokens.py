"""Google's access tokens, by google-auth: of a service account's key, or of this machine (application default).

https://cloud.google.com/docs/authentication/application-default-credentials. google-auth speaks HTTP through what it is
given; here that is the guarded client for a key that somebody entered, whose file says where to send it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp

from providers.config import Secret
from providers.outbound.guard import GuardedConnector, refusal_in
from providers.platforms.renewed import Fresh, Kept, NotAuthorized
from providers.platforms.vertex.options import service_account

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_EARLY, _AT_THE_LATEST = 300.0, 10.0
"""Seconds before its end at which a token is renewed, and at which it is used no more."""
_SECONDS = 10.0
_MOST_BYTES = 1024 * 1024


class _Answer(NamedTuple):
    """What google-auth looks at in a response."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Transport:
    """google-auth's way to HTTP, called in a thread; `local` is None where any address may be asked."""

    def __init__(self, local: bool | None) -> None:
        self._local = local

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        """One request. Raises google.auth.exceptions.TransportError."""
        from google.auth.exceptions import TransportError

        try:
            return asyncio.run(self._send(url, method, body, headers, min(timeout or _SECONDS, _SECONDS)))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            refusal = refusal_in(error)
            raise TransportError("unreachable" if refusal is None else f"its address is {refusal}") from error

    async def _send(
        self, url: str, method: str, body: bytes | None, headers: Mapping[str, str] | None, seconds: float
    ) -> _Answer:
        connector = aiohttp.TCPConnector() if self._local is None else GuardedConnector(local=self._local)
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            data = bytearray()
            async for part in response.content.iter_any():
                data += part
                if len(data) > _MOST_BYTES:
                    raise ValueError("a token of more than a megabyte")
            return _Answer(response.status, response.headers, bytes(data))


@lru_cache(maxsize=256)
def kept_token(secret: Secret | None, local: bool) -> Kept[str]:
    """The token of a service account, or of this machine; one entry for each that is in use."""
    found: list[Any] = []

    def fetch() -> Fresh[str]:
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

        transport = _Transport(None if secret is None else local)
        try:
            if not found:
                found.append(_credentials(secret, transport))
            found[0].refresh(transport)
        except DefaultCredentialsError as error:
            raise NotAuthorized(
                "This machine has no Google credentials: add a service account's JSON key as this provider's "
                "credential, or give the machine some (gcloud auth application-default login, or a service account)."
            ) from error
        except GoogleAuthError as error:
            raise NotAuthorized(f"Google gives no token ({_reason(error)}).") from error
        lasts = found[0].expiry.replace(tzinfo=UTC).timestamp() - time.time()
        return Fresh(found[0].token, max(lasts - _EARLY, lasts / 2), lasts - _AT_THE_LATEST)

    return Kept("The token for Vertex AI", fetch)


def _credentials(secret: Secret | None, transport: Any) -> Any:
    import google.auth
    from google.oauth2 import service_account as accounts

    if secret is None:
        return google.auth.default(scopes=[SCOPE], request=transport)[0]
    try:
        return accounts.Credentials.from_service_account_info(service_account(secret), scopes=[SCOPE])
    except ValueError as error:
        raise NotAuthorized("The service account's JSON key is not whole: paste the whole file once more.") from error


def _reason(error: Exception) -> str:
    """What failed in a few words, such as invalid_grant: Google's first sentence, which holds no secret."""
    said = str(error.args[0]) if error.args else ""
    return f"{type(error).__name__}: {said[:160]}" if said else type(error).__name__
