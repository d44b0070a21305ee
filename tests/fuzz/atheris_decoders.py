"""Fuzzing of every dialect's decoder that watches which code is reached, by `make fuzz`: not a test, it needs atheris.

`python -m tests.fuzz.atheris_decoders --dialect gemini [libFuzzer options]`; it starts from the recorded bodies and
what providers were seen to make of such. It ends at the first answer with no end, two ends or an illegal stream, and
says which bytes did it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["providers", "streaming"]):
    from providers.dialects import DIALECTS
    from tests.claude.wire import TYPES, cases
    from tests.fuzz.judge import judge
    from tests.fuzz.mutations import unusual

UNUSUAL_EACH = 8
"""Bodies of each recorded one, as providers were seen to change them."""


def main() -> None:
    """Fuzz one dialect until libFuzzer's own options say enough."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dialect", choices=DIALECTS, required=True)
    options, libfuzzer = parser.parse_known_args()
    dialect: str = options.dialect
    endings = [case.ending for case in cases(dialect)]
    content_type = TYPES[max(set(endings), key=endings.count)]
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{dialect}-"))
    for case in cases(dialect):
        (corpus / case.folder.name).write_bytes(b"\x10" + case.body)
        for seed in range(UNUSUAL_EACH):
            body = unusual(case.body, case.ending, Random(seed))
            (corpus / f"{case.folder.name}-{seed}").write_bytes(b"\x10" + body)

    def one(data: bytes) -> None:
        # The first byte says in pieces of which size the rest arrives.
        size = (data[0] if data else 0) or 1 << 20
        body = data[1:]
        judge(dialect, [body[at : at + size] for at in range(0, len(body), size)], content_type)

    atheris.Setup([sys.argv[0], *libfuzzer, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
