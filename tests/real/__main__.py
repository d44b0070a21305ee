"""`python -m tests.real [litellm llama]`: real servers behind the gateway; ends in one verdict line."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from proxysite.demo import server as demo_server
from tests.harness.gateway import free_port
from tests.real.checks import checks
from tests.real.servers import SERVERS, DidNotWork, Server
from tests.real.site import Site


def main() -> int:
    """Try the servers that the command line names; 0 when all of them were there and every check passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.real", description="Real servers behind the gateway.")
    parser.add_argument("servers", nargs="*", metavar="server", help=f"some of {', '.join(SERVERS)} (default: all)")
    names = parser.parse_args().servers or list(SERVERS)
    began, passed, failed, absent = time.monotonic(), 0, 0, []
    demo = demo_server.start(free_port())
    try:
        for name in names:
            with tempfile.TemporaryDirectory(prefix=f"real-{name}-") as folder:
                try:
                    server = SERVERS[name](Path(folder), demo.port)
                except DidNotWork as failure:
                    absent.append(name)
                    print(f"{name}: {failure}")
                    continue
                good, bad = _judged(Path(folder), server)
                passed, failed = passed + good, failed + bad
    finally:
        demo.stop()
    verdict = "PASS" if passed and not failed and not absent else "FAIL"
    missing = f", not there: {', '.join(absent)}" if absent else ""
    print(f"{verdict}: {passed} passed, {failed} failed{missing}, {time.monotonic() - began:.0f} s")
    return verdict != "PASS"


def _judged(folder: Path, server: Server) -> tuple[int, int]:
    passed = failed = 0
    try:
        site = Site(folder, server)
        try:
            for api in server.apis:
                for name, check in checks(site, api):
                    try:
                        print(f"{server.name} over {api.dialect}: {name}: ok ({check()})")
                        passed += 1
                    except Exception:  # noqa: BLE001 - whatever it is, it is the check's result
                        print(f"{server.name} over {api.dialect}: {name}: FAILED\n{traceback.format_exc(limit=-3)}")
                        failed += 1
        finally:
            site.stop()
    finally:
        server.stop()
    return passed, failed


if __name__ == "__main__":
    sys.exit(main())
