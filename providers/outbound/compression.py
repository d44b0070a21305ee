"""Compressions of a provider's answer that cannot be read here: it was asked for none.

httpx reads gzip and deflate by itself, br and zstd only with libraries that this gateway does not need otherwise; an
unknown one it would pass on as it came.
"""

from __future__ import annotations

from collections.abc import Mapping

from usage.sentence import Sentence

_READABLE = frozenset({"identity", "gzip", "deflate", ""})


def unreadable_compression(headers: Mapping[str, str]) -> str:
    """Returns the names of the compressions that cannot be read, "" where there is none."""
    names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    return ", ".join(name for name in names if name not in _READABLE)[:40]


def compressed_by(names: str) -> Sentence:
    """Returns what a caller and an administrator learn of it."""
    return Sentence(
        "The provider compressed its answer with {names}, though it was asked not to, and this gateway cannot read "
        "that: an administrator must switch the compression off at the provider or at a proxy before it.",
        code="provider_compressed",
        names=names,
    )
