"""Passwords are hashed at a low priority, and never at a higher one than the gateway's own: that is not allowed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.harness.gateway import ROOT
from tests.harness.patience import PATIENCE

PROGRAM = """
import os, threading
os.nice({nice})
from access.sign_in import hashing
own = lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
print(own(), hashing._thread().submit(own).result())
"""


@pytest.mark.parametrize("nice", [0, 19])
def test_the_thread_yields_and_is_never_raised(nice: int) -> None:
    arguments = [sys.executable, "-c", PROGRAM.format(nice=nice)]
    found = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True)
    gateway, hashing = map(int, found.stdout.split())
    assert hashing == max(10, gateway)
