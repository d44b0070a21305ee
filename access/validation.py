"""Checks fields and finds names that are free, for forms and imports alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, date
from itertools import count
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError

from access.addresses import networks_of
from access.tags import tags_of, why_invalid

MOST_STARS = 10
"""In one pattern of a name."""
LONGEST_NAME = 200
"""Characters of a name or a pattern; no route and no model has a longer one."""
MOST_NAMES = 500
"""In one list: each request is matched with all of them."""


def free_name(name: str, taken: Iterable[str], between: str = "-") -> str:
    """Returns the name, or the first of name-2, name-3, … that is not taken."""
    known = set(taken)
    return next(each for n in count(1) if (each := name if n == 1 else f"{name}{between}{n}") not in known)


def validate_networks(lines: str) -> None:
    """Raises ValidationError for lines that are no addresses or networks."""
    try:
        networks_of(lines)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def validate_routes(lines: str) -> None:
    """Raises ValidationError for names or patterns of routes that no route can have, and for more than are matched with
    each request."""
    names = [line.strip() for line in lines.splitlines()]
    if len(names) > MOST_NAMES:
        raise ValidationError(
            f"These are {len(names)} names. Write at most {MOST_NAMES}: a pattern stands for several."
        )
    for name in names:
        if any(c.isspace() for c in name):
            raise ValidationError(f"{name!r} contains white space, which no route name does. Write one name per line.")
        if len(name) > LONGEST_NAME:
            raise ValidationError(f"A name of {len(name)} characters is too long. Write at most {LONGEST_NAME}.")
        if name.count("*") > MOST_STARS:
            raise ValidationError(f"{name!r} has more than {MOST_STARS} stars. Write fewer: one is often enough.")


def validate_tags(tags: str) -> None:
    """Raises ValidationError for tags, or patterns of tags, that a key cannot have."""
    if why := why_invalid(tags_of(tags)):
        raise ValidationError(why)


def validate_year(when: date) -> None:
    """Raises ValidationError for a day or a moment in the first or last year of the calendar: in other time zones, or a
    day later, it may be out of it."""
    if not MINYEAR < when.year < MAXYEAR:
        raise ValidationError(f"Choose a year from {MINYEAR + 1} to {MAXYEAR - 1}.")


def validate_time_zone(name: str) -> None:
    """Raises ValidationError for a name that is no time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValidationError(
            f"{name!r} is not a time zone. Write a name of the IANA database, such as Europe/Berlin."
        ) from error


def validate_webhook_url(value: str) -> None:
    """Raises ValidationError for anything but an absolute http(s) URL without user and fragment."""
    if any(c.isspace() or ord(c) < ord("!") for c in value):
        raise ValidationError("The address has white space or control characters: remove them.")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValidationError("This is not a URL. Enter one such as https://example.com/alerts.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValidationError("Enter an address that begins with https:// (or http://), with a host.")
    if parts.username or parts.password or parts.fragment:
        raise ValidationError("Remove user, password and everything from the # on: bodies are signed instead.")


def validate_alert_kinds(text: str) -> None:
    """Raises ValidationError for words that are no kinds of alerts."""
    from access.outbox.models import Kind

    unknown = [word for word in tags_of(text) if word not in Kind.values]
    if unknown:
        raise ValidationError(f"{', '.join(unknown)}: not a kind of alert. There are {', '.join(Kind.values)}.")
