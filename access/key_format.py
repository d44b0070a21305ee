"""The format of client keys: 256 random bits and a checksum, so that a mistyped or invented key costs no look-up.

A key is `sk-px-`, 43 random characters and 6 for the CRC-32 of all that stands before them, each one of 62 digits and
letters. Scanners for leaked secrets look for PATTERN.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Final
from zlib import crc32

PREFIX: Final = "sk-px-"
PLACEHOLDER: Final = "YOUR-CLIENT-KEY"
"""What stands in the place of a key in lines to paste."""
PATTERN: Final = r"sk-px-[0-9A-Za-z]{49}"
"""What a key of this format looks like."""
OLDER_PATTERN: Final = r"sk-px-[0-9A-Za-z_-]{32}"
"""What keys looked like before: 192 random bits without a checksum. They stay valid."""

_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PAIRS: Final = [first + second for first in _DIGITS for second in _DIGITS]
"""The numbers below 62 ** 2, so that a checksum is three of them."""
_RANDOM: Final = 43
"""62 ** 43 is just over 2 ** 256."""
LENGTH: Final = len(PREFIX) + _RANDOM + 6
_CHECKED: Final = slice(len(PREFIX) + _RANDOM)
_LAST: Final = _DIGITS.encode()
_OLDER_LENGTH: Final = len(PREFIX) + 32
_older = re.compile(OLDER_PATTERN, re.ASCII).fullmatch


def new_secret(prefix: str = PREFIX) -> str:
    """Returns a new key, or with another prefix a secret of the same format."""
    unchecked = prefix + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return unchecked + _checksum(crc32(unchecked.encode()))


def is_ours(secret: str) -> bool:
    """Returns whether a text may be a key that this gateway made. The length tells the two formats apart.

    The checksum covers the prefix as well. Its last digit tells 61 of 62 wrong keys.
    """
    # Hot: a wrong key is to cost next to nothing. Bytes and a slice that exists already take fewer steps than text.
    if len(secret) == LENGTH:
        sent = secret.encode()
        number = crc32(sent[_CHECKED])
        return sent[LENGTH - 1] == _LAST[number % 62] and secret.endswith(_checksum(number))
    return len(secret) == _OLDER_LENGTH and _older(secret) is not None


def is_whole(secret: str, prefix: str) -> bool:
    """Returns whether a text may be what `new_secret(prefix)` made: nothing of it is missing or mistyped."""
    unchecked, checksum = secret[:-6], secret[-6:]
    has_format = len(unchecked) == len(prefix) + _RANDOM and secret.startswith(prefix) and secret.isascii()
    return has_format and checksum == _checksum(crc32(unchecked.encode()))


def _checksum(number: int) -> str:
    return _PAIRS[number // 14_776_336] + _PAIRS[number // 3844 % 3844] + _PAIRS[number % 3844]
