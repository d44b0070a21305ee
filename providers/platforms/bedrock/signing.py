"""Signatures for Bedrock (SigV4, by botocore), with the keys of a credential, a profile, a role or this machine.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. Each request is signed. Keys that are
not in the provider's credential (a profile, a role, the machine's own) are fetched once and cached until they expire.
"""

from __future__ import annotations

import asyncio
import sys
from functools import lru_cache
from importlib import import_module
from typing import Any

from providers.config import Secret
from providers.platforms.renewed import Fetched, NotAuthorized, RenewedSecret

_SERVICE = "bedrock"
_SIGNER = "botocore.auth"
_RENEW_AFTER, _GOOD_FOR = 60.0, 300.0
"""Seconds. botocore renews expiring keys itself; asked this often, its keys last at least ten minutes more."""
_SESSION = "gateway"


async def loaded() -> None:
    """Imports the signer once, in a thread: importing takes 300 ms, which would block every stream."""
    if _SIGNER not in sys.modules:
        await asyncio.to_thread(import_module, _SIGNER)


def signed(url: str, headers: dict[str, str], body: bytes, keys: Any, region: str) -> dict[str, str]:
    """Returns the headers that sign a POST of `body` to `url`; `headers` are signed too, others may be added later."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest(method="POST", url=url, headers=headers, data=body)
    SigV4Auth(keys, _SERVICE, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def keys_of(secret: Secret) -> Any:
    """Returns the keys in a credential's secret, `ACCESS_KEY:SECRET` or `ACCESS_KEY:SECRET:SESSION_TOKEN`."""
    from botocore.credentials import Credentials

    access, _, rest = secret.reveal().partition(":")
    key, _, token = rest.partition(":")
    return Credentials(access, key, token or None)


@lru_cache(maxsize=256)
def renewed_keys(secret: Secret | None, profile: str | None, role_arn: str | None, region: str) -> RenewedSecret[Any]:
    """Returns the keys of a role, a profile or this machine, one cached entry each."""
    found: list[Any] = []

    def fetch() -> Fetched[Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if not found:
                found.append(_credentials(secret, profile, role_arn, region))
            return Fetched(found[0].get_frozen_credentials(), _RENEW_AFTER, _GOOD_FOR)
        except (BotoCoreError, ClientError) as error:
            raise NotAuthorized(_explained(error, profile, role_arn)) from error

    return RenewedSecret("The keys for Amazon Bedrock", fetch)


def _credentials(secret: Secret | None, profile: str | None, role_arn: str | None, region: str) -> Any:
    """Returns botocore's credentials, which renew themselves."""
    from botocore.config import Config
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.session import Session

    session = Session(profile=profile)
    source = session.get_credentials() if secret is None else keys_of(secret)
    if source is None:
        raise NotAuthorized(
            "No AWS keys were found: add a credential to this provider, name a profile in its options, or configure "
            "keys on this machine (environment, ~/.aws or instance role)."
        )
    if role_arn is None:
        return source

    def client(service: str, **options: Any) -> Any:
        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        return session.create_client(service, region_name=region, config=config, **options)

    fetcher = AssumeRoleCredentialFetcher(client, source, role_arn, extra_args={"RoleSessionName": _SESSION})
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _explained(error: Exception, profile: str | None, role_arn: str | None) -> str:
    """Returns what failed by its error code: AWS's own message may hold identifiers of the account."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
    if role_arn is not None:
        return f"The role {role_arn} could not be assumed ({code}): check its trust policy and the keys."
    if profile is not None:
        return f"The profile {profile} has no AWS keys ({code}): check ~/.aws of the user that this gateway runs as."
    return f"This machine's AWS keys could not be read ({code})."
