"""What a circuit is called, in this process and in the table that the workers share."""

from __future__ import annotations


def provider_key(provider: int) -> str:
    """The connection to a provider."""
    return f"provider:{provider}"


def candidate_key(provider: int, model: int) -> str:
    """One model at one provider."""
    return f"candidate:{provider}:{model}"


def credential_key(credential: int) -> str:
    """A credential, for every model."""
    return f"credential:{credential}"


def pair_key(credential: int, model: int) -> str:
    """One model with one credential."""
    return f"pair:{credential}:{model}"


def parse_key(key: str) -> tuple[str, tuple[int, ...]]:
    """Returns the kind and the numbers of a key. Raises ValueError for an invalid one."""
    kind, *numbers = key.split(":")
    return kind, tuple(map(int, numbers))
