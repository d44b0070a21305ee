"""Validates providers and models before they are saved; each message says what to enter instead."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.core.exceptions import ValidationError

from providers.claude.support import support_of
from providers.client_fields.names import problem_of
from providers.client_fields.protocol import PRICED
from providers.config import CAPABILITIES
from providers.dialects import DIALECTS
from providers.endpoints import OtherDialect, base_url_of
from providers.outbound.addresses import Refusal, refusal_of_host
from providers.platforms import PLATFORMS
from providers.platforms.contract import options_of
from providers.transforms import TransformError, compile_chain, parse_chain, skipped_names

_HEADER_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_OURS = frozenset(
    {"authorization", "x-api-key", "host", "content-length", "content-type", "connection", "transfer-encoding"}
)


def validate_base_url(value: str) -> None:
    """Refuses anything but http(s)://host[:port][/path] without user, query or fragment."""
    if any(c.isspace() or ord(c) < 33 for c in value):
        raise ValidationError("The address has white space or control characters: remove them.")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValidationError("This is not a URL. Enter one such as https://api.example.com/v1.") from error
    if parts.scheme not in {"http", "https"}:
        raise ValidationError("Start the address with https:// (or http:// for a server of your own).")
    if not parts.hostname or port == 0:
        raise ValidationError("The address has no host. Enter one such as https://api.example.com/v1.")
    if parts.username or parts.password:
        raise ValidationError("Remove user and password from the address: secrets go into a credential.")
    if parts.query or parts.fragment:
        raise ValidationError("Remove everything from the ? or # on: only scheme, host, port and path are used.")


def cut_base_url(value: str, dialect: str, platform: str) -> str:
    """Returns the address without the path of an endpoint. Refuses an endpoint of another dialect."""
    try:
        return base_url_of(value, dialect, platform)
    except OtherDialect as error:
        raise ValidationError({"base_url": str(error)}) from error
    except ValueError:
        # validate_base_url has refused it.
        return value


PRIVATE = "private"
"""Code of the error that `local` would have allowed the address."""


def check_address(base_url: str, *, local: bool) -> None:
    """Refuses an address that must not be called, as far as that is known without resolving its name."""
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        host = None
    # validate_base_url has refused anything that is not a URL.
    refusal = refusal_of_host(host, local=local) if host else None
    if refusal is Refusal.PRIVATE:
        advice = "This address is this machine or a private network: switch “local” on to allow it."
        raise ValidationError({"base_url": ValidationError(advice, code=PRIVATE)})
    if refusal is not None:
        raise ValidationError({"base_url": f"This address is {refusal}."})


def validate_headers(value: Any) -> None:
    """Refuses anything but an object of header names to single-line strings, and headers that the gateway sets."""
    if not isinstance(value, dict):
        raise ValidationError('Enter a JSON object, such as {"x-title": "our gateway"}.')
    for name, text in value.items():
        if not _HEADER_NAME.match(name):
            raise ValidationError(f"{name!r} is not a valid header name.")
        if name.lower() in _OURS:
            raise ValidationError(f"{name} is set by the gateway: remove it. Secrets go into a credential.")
        if not isinstance(text, str) or any(c in text for c in "\r\n\0") or not text.isascii():
            raise ValidationError(f"The value of {name} must be one line of ASCII text in quotes.")


def validate_transforms(value: Any) -> None:
    """Refuses a chain with an unknown transform or invalid options."""
    try:
        compile_chain(value)
    except TransformError as error:
        raise ValidationError(str(error)) from error


def check_transforms(value: Any, dialect: str) -> None:
    """Refuses transforms that have no effect for a dialect; validate_transforms refuses invalid chains."""
    known = DIALECTS.get(dialect)
    if known is None or not known.verbatim:
        return
    try:
        skipped = skipped_names(parse_chain(value))
    except TransformError:
        return
    if skipped:
        names = ", ".join(skipped)
        raise ValidationError(
            {"transforms": f"Remove {names}: {known.label} answers pass unchanged, so it has no effect."}
        )


def validate_capabilities(value: Any) -> None:
    """Refuses anything but a list of known capability names."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError('Enter a list, such as ["tools", "images"].')
    unknown = [name for name in value if name not in CAPABILITIES]
    if unknown:
        raise ValidationError(f"Unknown: {', '.join(unknown)}. Choose from {', '.join(CAPABILITIES)}.")


def validate_client_fields(value: Any) -> None:
    """Refuses anything but a list of names of fields that a client may add."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError('Enter a list of names, such as ["top_a", "options.num_gpu"].')
    if problems := [problem for name in value if (problem := problem_of(name))]:
        raise ValidationError(problems)


def validate_priced_for(value: Any) -> None:
    """Refuses anything but a list of what prices may hold for."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValidationError('Enter a list, such as ["service_tier"].')
    unknown = [name for name in value if name not in PRICED]
    if unknown:
        raise ValidationError(f"Unknown: {', '.join(unknown)}. Choose from {', '.join(PRICED)}.")


def validate_supports(value: Any) -> None:
    """Refuses anything but an object of the fields that say what a Claude model takes."""
    try:
        support_of(value)
    except msgspec.ValidationError as error:
        raise ValidationError(f"{error}.") from error


def check_installed(platform_name: str) -> None:
    """Refuses a platform whose libraries are not installed."""
    platform = PLATFORMS.get(platform_name)
    if platform is not None and (missing := platform.missing()):
        raise ValidationError({"platform": missing})


def check_platform(platform_name: str, dialect: str, options: Any, base_url: str) -> None:
    """Refuses an unknown platform, one that does not support the dialect, and invalid options."""
    if platform_name and platform_name not in PLATFORMS:
        raise ValidationError({"platform": f"There is no platform {platform_name!r}: choose another, or none."})
    platform = PLATFORMS.get(platform_name)
    if platform is not None and dialect not in platform.dialects:
        supported = ", ".join(sorted(platform.dialects))
        raise ValidationError({"platform": f"{platform.label} supports {supported}: choose one of these dialects."})
    try:
        known = options_of(platform, options)
    except msgspec.ValidationError as error:
        raise ValidationError({"options": f"{error}."}) from error
    if platform is not None and (problems := platform.problems(base_url, known)):
        raise ValidationError(problems)
