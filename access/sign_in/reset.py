"""Links to a new password: one-time, for an hour. They are signed, not stored; the new password or a sign-in ends them,
and with the old password end all of the person's sessions."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db.models import Q
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from access import mail

_SUBJECT = "A new password for the gateway"
_TEXT = """\
Somebody, hopefully you, asked for a new password for the account {name} of the gateway at {site}.

Choose it here within an hour; the link works once:

{link}

If it was not you, do nothing: your password stays as it is.
"""


def link_for(person: User, base_url: str) -> str:
    """Returns a link to a new password for the person. `base_url` is scheme and host of the gateway."""
    name = urlsafe_base64_encode(force_bytes(person.pk))
    token = default_token_generator.make_token(person)
    return base_url + reverse("people:password-link", args=[f"{name}.{token}"])


def person_of(token: str) -> User | None:
    """Returns whose link it is, None for one that is none, has expired or was used."""
    name, _, signature = token.partition(".")
    try:
        person = User.objects.filter(pk=int(urlsafe_base64_decode(name)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    if person is None or not default_token_generator.check_token(person, signature):
        return None
    return person


def mail_links(name: str, base_url: str) -> None:
    """Mails a link to everybody with this username or address who is active and has an address; mails nothing and says
    nothing where there is nobody. It does not wait for the mail server."""
    named = User.objects.filter(Q(username=name) | Q(email__iexact=name), is_active=True).exclude(email="")
    for person in named.order_by("pk")[:3]:
        text = _TEXT.format(name=person.get_username(), site=base_url, link=link_for(person, base_url))
        mail.send_soon(person.email, _SUBJECT, text)
