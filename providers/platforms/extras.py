"""Whether the libraries of an optional extra are there, and how to install them where they are not."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec


@cache
def missing(label: str, module: str, extra: str) -> str:
    """How to install `module`, which the platform called `label` needs; "" when it is there."""
    package, _, inner = module.partition(".")
    # A package of a namespace has to be there before one can ask for what is inside it.
    if find_spec(package) is not None and (not inner or find_spec(module) is not None):
        return ""
    return (
        f"{label} needs a library that is not installed. Install it with: "
        f".venv/bin/pip install -r requirements-{extra}.txt (or make install EXTRAS={extra}); then restart."
    )
