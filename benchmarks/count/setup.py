"""A database, a configuration and a client's key for one column, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.children import Child
from benchmarks.site import LOCAL
from benchmarks.targets import environment


class Site:
    """Prepared without valgrind. `env` is for the programs that serve it."""

    def __init__(self, folder: Path, upstream_port: int, host: str = LOCAL) -> None:
        folder.mkdir(exist_ok=True)
        self.database = folder / "gateway.sqlite3"
        # Each row is waited for.
        self.env = {**environment(folder, f"sqlite:///{self.database}"), "USAGE_LINGER": "0"}
        upstream = (str(upstream_port), host)
        child = Child.module("site", "prepare", *upstream, log=folder / "site.log", env=self.env)
        try:
            self.key = msgspec.json.decode(child.answer(), type=str)
        finally:
            child.stop()
