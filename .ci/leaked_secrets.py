"""Finds keys and tokens in the files that git tracks: the patterns of detect-secrets, and those of model providers.

It compares text and calls nobody. What tests make up fits no pattern, or stands in `_MADE_UP`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector

_TOO_WIDE = {"Basic Auth Credentials", "Public IP (ipv4)", "Secret Keyword"}
"""Of detect-secrets: example addresses, and variables with such names (ruff has S105 and S106 for those)."""
_PROVIDERS = {
    "Anthropic key": r"sk-ant-(?:api|oat|admin)\d\d-[\w-]{80,}",
    "OpenRouter key": r"sk-or-v1-[0-9a-f]{60,}",
    "OpenAI key": r"sk-(?:proj|svcacct|admin)-[\w-]{40,}",
    "Google API key": r"AIza[\w-]{35}",
    "Google OAuth token": r"ya29\.[\w-]{40,}",
    "Google service account": r'"private_key_id":\s*"[0-9a-f]{40}"',
    "Groq key": r"gsk_[A-Za-z0-9]{50,}",
    "xAI key": r"xai-[A-Za-z0-9]{70,}",
    "Hugging Face token": r"hf_[A-Za-z0-9]{34}",
    "NVIDIA key": r"nvapi-[\w-]{60,}",
    "Perplexity key": r"pplx-[A-Za-z0-9]{40,}",
    "Replicate token": r"r8_[A-Za-z0-9]{37}",
    "Fireworks key": r"fw_[A-Za-z0-9]{22,}",
    "client key of this gateway": r"sk-px-(?:[0-9A-Za-z]{49}|[0-9A-Za-z_-]{32})",
    "report token of this gateway": r"rpt-[0-9A-Za-z]{49}",
    "secret of secrets.env": r"(?m)^(?:SECRET_KEY|ENCRYPTION_KEYS)=[\w-]{43,}=?$",
}
_MADE_UP = {"AKIAIOSFODNN7EXAMPLE", "AKIAEARLIEREARLIER00", "eyJ0eXAi.eyJhdWQi", "eyJhbGciOiJS.eyJpc3MiOiJh"}
"""Amazon's own example, and what tests take for one."""


def _patterns() -> dict[str, list[re.Pattern[str]]]:
    found = {name: [re.compile(pattern)] for name, pattern in _PROVIDERS.items()}
    known: dict[str, Any] = get_mapping_from_secret_type_to_class()
    for name, detector in known.items():
        if issubclass(detector, RegexBasedDetector) and name not in _TOO_WIDE:
            found[name] = list(detector.denylist)
    return found


def leaks(text: str, patterns: dict[str, list[re.Pattern[str]]]) -> Iterator[tuple[int, str]]:
    """The lines of a text on which something looks like a secret, and like which."""
    for name, several in patterns.items():
        for pattern in several:
            for match in pattern.finditer(text):
                if not any(made_up in match[0] for made_up in _MADE_UP):
                    yield text.count("\n", 0, match.start()) + 1, name


def main() -> int:
    """Name each; the exit status."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout  # noqa: S607
    patterns, found = _patterns(), 0
    for path in map(Path, filter(None, listed.decode().split("\0"))):
        if path.is_file():
            for line, name in leaks(path.read_text(errors="replace"), patterns):
                found += 1
                print(f"{path}:{line}: looks like a secret: {name}")
    if found:
        print("Take it out, and revoke it where it was real: it stays in git's history.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
