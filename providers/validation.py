"""What the admin checks before a provider or model is saved; each message says what to write instead."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.core.exceptions import ValidationError

from providers.capabilities import CAPABILITIES
from providers.dialects import DIALECTS
from providers.outbound.addresses import Refusal, refusal_of_host
from providers.platforms import PLATFORMS
from providers.platforms.contract import options_of
from providers.transforms import TransformError, compile_chain, left_out, parse_chain

_HEADER_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_OURS = frozenset(
    {"authorization", "x-api-key", "host", "content-length", "content-type", "connection", "transfer-encoding"}
)


def validate_base_url(value: str) -> None:
    """Refuse anything but http(s)://host[:port][/path] without user, query or fragment."""
    if any(c.isspace() or ord(c) < 33 for c in value):
        raise ValidationError("The address holds white space or control characters.")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValidationError("This is not an address. Write it like https://api.example.com/v1.") from error
    if parts.scheme not in {"http", "https"}:
        raise ValidationError("Start the address with https:// (or http:// for a server of your own).")
    if not parts.hostname or port == 0:
        raise ValidationError("The address names no host. Write it like https://api.example.com/v1.")
    if parts.username or parts.password:
        raise ValidationError("Leave user and password out of the address: secrets go into a credential.")
    if parts.query or parts.fragment:
        raise ValidationError("Leave out everything from the ? or # on: only scheme, host, port and path are used.")


def check_address(base_url: str, *, local: bool) -> None:
    """Refuse an address that would never be called, as far as it can be told without resolving its name."""
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        host = None
    # What is no address at all has been told so by validate_base_url.
    refusal = refusal_of_host(host, local=local) if host else None
    if refusal is Refusal.PRIVATE:
        raise ValidationError(
            {"base_url": "This is this machine or a private network: switch “local” on if that is meant."}
        )
    if refusal is not None:
        raise ValidationError({"base_url": f"This address is {refusal}."})


def validate_headers(value: Any) -> None:
    """Refuse anything but an object of header names to single-line strings, and the headers that are made by us."""
    if not isinstance(value, dict):
        raise ValidationError('Write a JSON object, such as {"x-title": "our gateway"}.')
    for name, text in value.items():
        if not _HEADER_NAME.match(name):
            raise ValidationError(f"{name!r} is not a header name.")
        if name.lower() in _OURS:
            raise ValidationError(f"{name} is made by the gateway; secrets go into a credential.")
        if not isinstance(text, str) or any(c in text for c in "\r\n\0") or not text.isascii():
            raise ValidationError(f"The value of {name} must be one line of ASCII text in quotes.")


def validate_transforms(value: Any) -> None:
    """Refuse a chain that names an unknown transform or gives one wrong options."""
    try:
        compile_chain(value)
    except TransformError as error:
        raise ValidationError(str(error)) from error


def check_transforms(value: Any, dialect: str) -> None:
    """Refuse a chain with transforms that do nothing at servers of a dialect; broken ones are refused elsewhere."""
    known = DIALECTS.get(dialect)
    if known is None or not known.verbatim:
        return
    try:
        idle = left_out(parse_chain(value))
    except TransformError:
        return
    if idle:
        raise ValidationError(
            {"transforms": f"Take out {', '.join(idle)}: {known.label} answers pass unchanged, so it would do nothing."}
        )


def validate_capabilities(value: Any) -> None:
    """Refuse anything but a list of known capability names."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError('Write a list, such as ["tools", "images"].')
    unknown = [name for name in value if name not in CAPABILITIES]
    if unknown:
        raise ValidationError(f"Unknown: {', '.join(unknown)}. Known are {', '.join(CAPABILITIES)}.")


def check_installed(platform_name: str) -> None:
    """Refuse a platform whose libraries are not there."""
    platform = PLATFORMS.get(platform_name)
    if platform is not None and (missing := platform.missing()):
        raise ValidationError({"platform": missing})


def check_platform(platform_name: str, dialect: str, options: Any, base_url: str) -> None:
    """Refuse a platform that nobody knows, does not speak the dialect, or is told the wrong options."""
    if platform_name and platform_name not in PLATFORMS:
        raise ValidationError({"platform": f"There is no platform {platform_name!r}: choose another, or none."})
    platform = PLATFORMS.get(platform_name)
    if platform is not None and dialect not in platform.dialects:
        spoken = ", ".join(sorted(platform.dialects))
        raise ValidationError({"platform": f"{platform.label} speaks {spoken}: choose one of these as the dialect."})
    try:
        known = options_of(platform, options)
    except msgspec.ValidationError as error:
        raise ValidationError({"options": f"{error}."}) from error
    if platform is not None and (faults := platform.faults(base_url, known)):
        raise ValidationError(faults)
