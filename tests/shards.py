"""Which files of tests a process runs where several share them: each file runs in one of them, and always in the same.

Of a test in parts (parametrised by `part`) each process has every other one. Files whose weight is known are shared out
by it, the heaviest first, each to the process that has least by then; others by their names.

TEST_SHARD is such as `1/2`, the first of two. Without it a process runs all.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from zlib import crc32

import pytest

_FOLDER = Path(__file__).parent
PARTS: Mapping[str, tuple[int, ...]] = {"browser/sweep/test_site.py": (175, 140)}
"""File of a test in parts -> the weight of each."""
WEIGHTS: Mapping[str, int] = {
    "browser/flows/test_first_run.py": 76,
    "browser/my/test_member.py": 70,
    "browser/sweep/test_own.py": 65,
    "browser/admin/test_request_list.py": 56,
    "browser/my/test_lead.py": 53,
    "browser/test_visits.py": 45,
    "browser/my/test_story.py": 40,
    "browser/flows/test_without_a_mouse.py": 39,
    "browser/admin/test_editors.py": 37,
    "browser/sweep/test_errors.py": 34,
    "browser/admin/test_configuration_file.py": 29,
    "browser/flows/test_live.py": 29,
    "browser/my/test_playground.py": 27,
    "browser/flows/test_statements.py": 23,
    "browser/flows/test_explorer.py": 23,
    "browser/flows/test_home.py": 21,
    "browser/flows/test_jobs.py": 20,
    "browser/admin/test_order.py": 18,
    "browser/admin/test_keys.py": 18,
    "browser/flows/test_add_provider.py": 18,
    "browser/flows/test_refused.py": 17,
    "browser/flows/test_keyboard.py": 15,
    "browser/flows/test_invoice.py": 15,
    "browser/admin/test_limits.py": 13,
    "browser/test_home_figures.py": 12,
    "browser/admin/test_home.py": 11,
    "browser/admin/test_explain.py": 10,
    "browser/admin/test_policy.py": 9,
    "browser/admin/test_audit.py": 8,
}
"""File -> the seconds that its tests took on a busy machine (`make e2e`, 2026-11-30)."""


def is_ours(file: PurePath, shard: str | None = None, part: int | None = None) -> bool:
    """Whether a file, named from the folder of the tests on, or a part belongs to a shard, or to this process."""
    number, _, count = (shard or os.environ.get("TEST_SHARD") or "1/1").partition("/")
    place = part
    if place is None:
        place = places(int(count)).get(file.as_posix(), crc32(file.as_posix().encode()))
    return place % int(count) == int(number) - 1


@functools.cache
def places(count: int) -> Mapping[str, int]:
    """Returns which of `count` processes runs each file whose weight is known, from 0."""
    loads = [0] * count
    for parts in PARTS.values():
        for number, weight in enumerate(parts):
            loads[number % count] += weight
    found = {}
    for file, weight in sorted(WEIGHTS.items(), key=lambda item: (-item[1], item[0])):
        found[file] = min(range(count), key=loads.__getitem__)
        loads[found[file]] += weight
    return found


def keep_ours(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves to other processes those of the collected items that are not of this one's shard."""
    others = {item for item in items if not is_ours(item.path.relative_to(_FOLDER), part=_part(item))}
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = [item for item in items if item not in others]


def _part(item: pytest.Item) -> int | None:
    called = getattr(item, "callspec", None)
    return None if called is None or item.get_closest_marker("e2e") is None else called.params.get("part")
