"""The options of a provider on Vertex AI, and what its host name and its key contain."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from providers.config import Secret
from providers.platforms.http import host_of
from providers.platforms.renewed import NotAuthorized

_REGIONAL = re.compile(r"^([a-z]+-[a-z]+\d+)-aiplatform\.googleapis\.com$")
_MULTIREGIONAL = re.compile(r"^aiplatform\.(us|eu)\.rep\.googleapis\.com$")
_NOT_A_KEY = (
    "The credential of a provider on Vertex AI is the JSON key of a service account: paste the complete file. "
    "Without a credential, this machine's application default credentials are used."
)
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9:.-]*$")]


class VertexOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project, the location, and the betas that are passed on."""

    project: Annotated[_Name | None, Meta(description="the project's id; left out: the service account's")] = None
    location: Annotated[
        _Name | None, Meta(description="such as europe-west1 or global; left out: the one in the base URL")
    ] = None
    betas: Annotated[
        tuple[str, ...] | None, Meta(description="Claude's betas that are passed on; left out: all of them")
    ] = None


def location_of(base_url: str, options: VertexOptions) -> str:
    """Returns the location of the models; "" when neither the options nor the host name it."""
    if options.location:
        return options.location
    name = host_of(base_url)
    if name == "aiplatform.googleapis.com":
        return "global"
    found = _REGIONAL.match(name) or _MULTIREGIONAL.match(name)
    return found[1] if found else ""


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
