"""Which files of tests a process runs where two share them: each file runs in one of them, and always in the same.

Of a test in parts (parametrised by `part`) each process has every other one.

TEST_SHARD is such as `1/2`, the first of two. Without it a process runs all.
"""

from __future__ import annotations

import os
from pathlib import PurePath
from zlib import crc32


def is_ours(file: PurePath, shard: str | None = None, part: int | None = None) -> bool:
    """Whether a file, named from the folder of the tests on, or a part belongs to a shard, or to this process."""
    number, _, count = (shard or os.environ.get("TEST_SHARD") or "1/1").partition("/")
    place = crc32(file.as_posix().encode()) if part is None else part
    return place % int(count) == int(number) - 1
