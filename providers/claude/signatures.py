"""The gateway's own thinking signatures: they carry what a provider wants back on the next turn.

Clients send thinking blocks back verbatim, so a signature has room for Gemini's thought signatures, OpenRouter's
reasoning_details or a Responses item. `px1:<kind>:<origin>:<payload>`: the origin identifies the model and server that
made it, because others refuse it; the payload is base64url of JSON. Claude servers never receive one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from providers.claude.blocks import Block
from providers.claude.client_json import packed_value
from providers.config import ModelConfig, ProviderConfig
from providers.framing.text import written

PREFIX = "px1:"
# What servers that imitate Claude sign with: DeepSeek its message's id (2026-05), vLLM a random one.
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def origin_of(provider: ProviderConfig, model: ModelConfig) -> str:
    """Eight characters that identify one model at one server."""
    return _origin(provider.base_url, model.name)


@lru_cache(maxsize=1024)
def _origin(base_url: str, model: str) -> str:
    place = f"{urlsplit(base_url).hostname} {model}"
    return hashlib.sha256(place.encode()).hexdigest()[:8]


def pack(kind: str, origin: str, value: Any) -> str:
    """The signature that carries a JSON value. `kind` is the dialect's name, or a part of it."""
    payload = base64.urlsafe_b64encode(written(value)).decode().rstrip("=")
    return f"{PREFIX}{kind}:{origin}:{payload}"


def unpack(kind: str, origin: str, signature: Any) -> Any:
    """The carried value, or None when the signature is of another kind or origin, or was damaged on its way."""
    if not isinstance(signature, str) or not signature.startswith(f"{PREFIX}{kind}:{origin}:"):
        return None
    payload = signature.rpartition(":")[2]
    try:
        return packed_value(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None


def is_gateways(block: Block) -> bool:
    """Whether the gateway made a thinking block's signature."""
    signature = block.get("signature")
    return isinstance(signature, str) and signature.startswith(PREFIX)


def is_claudes(block: Block) -> bool:
    """Whether Claude may have signed a thinking block: it has a signature that is neither the gateway's nor a UUID."""
    signature = block.get("signature")
    return isinstance(signature, str) and bool(signature) and not is_gateways(block) and not _UUID.fullmatch(signature)
