"""What a provider on Vertex AI can be told, and what its host name and its key tell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from providers.config import Secret
from providers.platforms.paths import host
from providers.platforms.renewed import NotAuthorized

_REGIONAL = re.compile(r"^([a-z]+-[a-z]+\d+)-aiplatform\.googleapis\.com$")
_MULTIREGIONAL = re.compile(r"^aiplatform\.(us|eu)\.rep\.googleapis\.com$")
_NOT_A_KEY = (
    "The credential of a provider on Vertex AI is the JSON key of a service account: paste the whole file. "
    "Without a credential, this machine's own (application default) is used."
)
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9:.-]*$")]


class VertexOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose models, and where they run."""

    project: Annotated[_Name | None, Meta(description="the project's id; left out: the service account's")] = None
    location: Annotated[
        _Name | None, Meta(description="such as europe-west1 or global; left out: the one in the base URL")
    ] = None
    betas: Annotated[
        tuple[str, ...] | None, Meta(description="Claude's betas that are passed on; left out: all of them")
    ] = None


def location_of(base_url: str, options: VertexOptions) -> str:
    """Where the models run; "" when neither says it."""
    if options.location:
        return options.location
    name = host(base_url)
    if name == "aiplatform.googleapis.com":
        return "global"
    found = _REGIONAL.match(name) or _MULTIREGIONAL.match(name)
    return found[1] if found else ""


@lru_cache(maxsize=256)
def service_account(secret: Secret) -> dict[str, Any]:
    """The key in a credential's secret. Raises NotAuthorized for anything but a service account's.

    Other kinds of Google's credential files can name programs to run and servers to ask.
    """
    try:
        info = msgspec.json.decode(secret.reveal())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise NotAuthorized(_NOT_A_KEY) from error
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise NotAuthorized(_NOT_A_KEY)
    return info
