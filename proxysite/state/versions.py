"""The versions of what runs: of the gateway as it was when this process started, of Python, and of libraries."""

from __future__ import annotations

import platform
import re
import tomllib
from functools import cache
from pathlib import Path

from django.conf import settings

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@cache
def gateway() -> str:
    """Returns the version, and where it is a checkout the commit: `0.1.0 (1a2b3c4d5e6f)`. The first call reads it."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        version = str(tomllib.load(file)["project"]["version"])
    commit = _commit(settings.BASE_DIR)
    return f"{version} ({commit[:12]})" if commit else version


def python() -> str:
    """Returns the version of Python with its system: `3.11.2, Linux x86_64`."""
    return f"{platform.python_version()}, {platform.system()} {platform.machine()}"


@cache
def libraries() -> dict[str, str]:
    """Returns the libraries that the gateway names, with the versions installed; "" for one that is not."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = [*project["dependencies"], *(one for some in project["optional-dependencies"].values() for one in some)]
    found = {}
    for requirement in wanted:
        match = _NAME.match(requirement)
        if match is not None:
            found[match[0]] = _installed(match[0])
    return dict(sorted(found.items()))


def _installed(name: str) -> str:
    # Of pages alone, and slow to load.
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _commit(root: Path) -> str:
    """Returns the commit of a checkout of Git, "" where there is none."""
    try:
        folder = root / ".git"
        if folder.is_file():
            folder = Path(folder.read_text().removeprefix("gitdir:").strip())
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head if _COMMIT.fullmatch(head) else ""
        return _of_reference(folder, head.removeprefix("ref:").strip())
    except OSError:
        # Deployed without its repository, or one that this account may not read.
        return ""


def _of_reference(folder: Path, name: str) -> str:
    common = folder / "commondir"
    root = (folder / common.read_text().strip()).resolve() if common.is_file() else folder
    if (root / name).is_file():
        return (root / name).read_text().strip()
    packed = (root / "packed-refs").read_text().splitlines() if (root / "packed-refs").is_file() else []
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
