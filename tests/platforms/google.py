"""A service account with a real key, and what Google's token server says; the assertion is checked as Google does."""

from __future__ import annotations

import base64
import json
import time
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.harness.script import Reply, Seen


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(token_uri: str, **fields: Any) -> str:
    """The JSON key of a service account."""
    pem = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = {
        "type": "service_account",
        "project_id": "our-project",
        "private_key_id": "key-1",
        "private_key": pem.decode(),
        "client_email": "gateway@our-project.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    return json.dumps({**info, **fields}, indent=2)


def token(value: str = "ya29.token", expires_in: int = 3600) -> Reply:
    """The token server's answer."""
    body = {"access_token": value, "expires_in": expires_in, "token_type": "Bearer"}
    return Reply([json.dumps(body).encode()], headers={"content-type": "application/json"})


def check_assertion(seen: Seen) -> None:
    """Fail unless the request asks for a token with an assertion that the account's key signed."""
    form = parse_qs(seen.raw.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    _key().public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    claim_set = json.loads(_decoded(claims))
    assert claim_set["iss"] == "gateway@our-project.iam.gserviceaccount.com"
    assert claim_set["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert claim_set["iat"] <= time.time() < claim_set["exp"]


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
