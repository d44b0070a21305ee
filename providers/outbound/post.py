"""Sends a small JSON body to an address that is no provider's, through the guarded client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp

from providers.outbound.common import USER_AGENT
from providers.outbound.downloads import FetchFailed
from providers.outbound.guard import GuardedConnector, checked_url, refusal_in


async def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float, local: bool) -> None:
    """See downloads.post."""
    ours = {"user-agent": USER_AGENT, "content-type": "application/json"}
    target = checked_url(url, local)
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                connector=GuardedConnector(local=local, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            ) as session,
            session.post(target, data=body, headers={**ours, **headers}, allow_redirects=False) as response,
        ):
            status = response.status
    except TimeoutError as error:
        raise FetchFailed(f"its server did not answer within {seconds:g} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        refusal = refusal_in(error)
        raise FetchFailed(
            "its server could not be reached" if refusal is None else f"its address is {refusal}"
        ) from error
    if not 200 <= status < 300:
        raise FetchFailed(f"its server answered HTTP {status}")
