"""Which files of tests a process runs where several share them: each file runs in one of them, and always in the same.

Of a test in parts (parametrised by `part`) each process has every other one.

TEST_SHARD is such as `1/2`, the first of two. Without it a process runs all.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from zlib import crc32

import pytest

_FOLDER = Path(__file__).parent


def is_ours(file: PurePath, shard: str | None = None, part: int | None = None) -> bool:
    """Whether a file, named from the folder of the tests on, or a part belongs to a shard, or to this process."""
    number, _, count = (shard or os.environ.get("TEST_SHARD") or "1/1").partition("/")
    place = crc32(file.as_posix().encode()) if part is None else part
    return place % int(count) == int(number) - 1


def keep_ours(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves to other processes those of the collected items that are not of this one's shard."""
    others = {item for item in items if not is_ours(item.path.relative_to(_FOLDER), part=_part(item))}
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = [item for item in items if item not in others]


def _part(item: pytest.Item) -> int | None:
    called = getattr(item, "callspec", None)
    return None if called is None or item.get_closest_marker("e2e") is None else called.params.get("part")
