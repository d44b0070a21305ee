"""Encryption of credentials at rest: Fernet under ENCRYPTION_KEYS, the first key writes, all keys read.

Its library holds 7 MB, and is not loaded where credentials name environment variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class UnreadableSecret(Exception):
    """A stored secret was encrypted under a key that ENCRYPTION_KEYS no longer holds."""


def _box() -> MultiFernet:
    keys: list[str] = settings.ENCRYPTION_KEYS
    if not keys:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS is empty, so no credential can be stored. Put a key from "
            "`./gateway generate_key` into the environment, or let credentials name environment variables."
        )
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(key) for key in keys])


def encrypt(plain: str) -> str:
    """Returns the text to store for a secret. Raises ImproperlyConfigured without an encryption key."""
    return _box().encrypt(plain.encode()).decode("ascii")


def decrypt(ciphertext: str) -> str:
    """Returns the secret of a stored text. Raises UnreadableSecret, or ImproperlyConfigured without any key."""
    from cryptography.fernet import InvalidToken

    try:
        return _box().decrypt(ciphertext.encode("ascii")).decode()
    except InvalidToken as error:
        raise UnreadableSecret(
            "encrypted under a key that is not in ENCRYPTION_KEYS: add that key again, or enter the secret again"
        ) from error
