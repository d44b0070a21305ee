"""What circuits are called, in this process and in the table that the workers share."""

from __future__ import annotations


def of_provider(provider: int) -> str:
    """The way to a provider."""
    return f"provider:{provider}"


def of_candidate(provider: int, model: int) -> str:
    """One model at one provider."""
    return f"candidate:{provider}:{model}"


def of_credential(credential: int) -> str:
    """A credential, whatever is asked with it."""
    return f"credential:{credential}"


def of_pair(credential: int, model: int) -> str:
    """One model by one credential."""
    return f"pair:{credential}:{model}"


def parsed(key: str) -> tuple[str, tuple[int, ...]]:
    """The kind and the numbers of a key. Raises ValueError for what is none."""
    kind, *numbers = key.split(":")
    return kind, tuple(map(int, numbers))
