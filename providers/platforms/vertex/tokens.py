"""Google access tokens, by google-auth: for a service account's key, or for this machine (application default).

https://cloud.google.com/docs/authentication/application-default-credentials. google-auth sends HTTP through the
transport it is given: the guarded client for an entered key, whose file names the token server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from providers.config import Secret
from providers.platforms.renewed import Fetched, NotAuthorized, RenewedSecret

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_EARLY, _AT_THE_LATEST = 300.0, 10.0
"""Seconds before its expiry at which a token is renewed, and at which it is no longer used."""
_SECONDS = 10.0
_MOST_BYTES = 1024 * 1024
_NOT_A_KEY = (
    "The credential of a provider on Vertex AI is the JSON key of a service account: paste the complete file. "
    "Without a credential, this machine's application default credentials are used."
)


@lru_cache(maxsize=256)
def service_account(secret: Secret) -> dict[str, Any]:
    """Returns the key in a credential's secret. Raises NotAuthorized unless it is a service account's.

    Other kinds of Google credential files can name programs to run and servers to call.
    """
    try:
        info = msgspec.json.decode(secret.reveal())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise NotAuthorized(_NOT_A_KEY) from error
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise NotAuthorized(_NOT_A_KEY)
    return info


class _Answer(NamedTuple):
    """The parts of a response that google-auth reads."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Transport:
    """google-auth's HTTP transport, called in a thread; `local` is None where any address may be called."""

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
        """Sends one request. Raises google.auth.exceptions.TransportError."""
        import aiohttp
        from google.auth.exceptions import TransportError

        from providers.outbound.guard import refusal_in

        try:
            return asyncio.run(self._send(url, method, body, headers, min(timeout or _SECONDS, _SECONDS)))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            refusal = refusal_in(error)
            raise TransportError("unreachable" if refusal is None else f"its address is {refusal}") from error

    async def _send(
        self, url: str, method: str, body: bytes | None, headers: Mapping[str, str] | None, seconds: float
    ) -> _Answer:
        import aiohttp

        from providers.outbound.guard import GuardedConnector

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
def renewed_token(secret: Secret | None, local: bool) -> RenewedSecret[str]:
    """Returns the token of a service account or of this machine, one cached entry each."""
    found: list[Any] = []

    def fetch() -> Fetched[str]:
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

        transport = _Transport(None if secret is None else local)
        try:
            if not found:
                found.append(_credentials(secret, transport))
            found[0].refresh(transport)
        except DefaultCredentialsError as error:
            raise NotAuthorized(
                "This machine has no Google credentials: add a service account's JSON key as this provider's "
                "credential, or configure some here (gcloud auth application-default login, or a service account)."
            ) from error
        except GoogleAuthError as error:
            raise NotAuthorized(f"Google refused a token ({_reason(error)}).") from error
        lasts = found[0].expiry.replace(tzinfo=UTC).timestamp() - time.time()
        return Fetched(found[0].token, max(lasts - _EARLY, lasts / 2), lasts - _AT_THE_LATEST)

    return RenewedSecret("The token for Vertex AI", fetch)


def _credentials(secret: Secret | None, transport: Any) -> Any:
    import google.auth
    from google.oauth2 import service_account as accounts

    if secret is None:
        return google.auth.default(scopes=[SCOPE], request=transport)[0]
    try:
        return accounts.Credentials.from_service_account_info(service_account(secret), scopes=[SCOPE])
    except ValueError as error:
        raise NotAuthorized("The service account's JSON key is incomplete: paste the complete file again.") from error


def _reason(error: Exception) -> str:
    """Returns the failure in short, such as invalid_grant: Google's first sentence, which holds no secret."""
    detail = str(error.args[0]) if error.args else ""
    return f"{type(error).__name__}: {detail[:160]}" if detail else type(error).__name__
