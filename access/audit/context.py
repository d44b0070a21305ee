"""Who is at work in this thread or task: somebody on a page, or a command. Imports no models, for manage.py."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import msgspec


class Who(msgspec.Struct, frozen=True):
    """What an entry says of where it comes from."""

    origin: str
    person_id: int | None = None
    person_name: str = ""
    address: str = ""


_request: ContextVar[Any] = ContextVar("audited_request", default=None)
_person: ContextVar[Who | None] = ContextVar("audited_person", default=None)
_origin: ContextVar[str] = ContextVar("audited_origin", default="")
_verb: ContextVar[str] = ContextVar("audited_verb", default="")


@contextlib.contextmanager
def of_request(request: Any) -> Iterator[None]:
    """Within it, entries are those of the request's user."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


@contextlib.contextmanager
def of_person(who: Who) -> Iterator[None]:
    """Within it, entries are those of somebody who is not at work here: who asked a job for them."""
    token = _person.set(who)
    try:
        yield
    finally:
        _person.reset(token)


@contextlib.contextmanager
def of_origin(origin: str) -> Iterator[None]:
    """Within it, entries come from `origin`, such as `command import_config`. The outermost stays."""
    token = _origin.set(_origin.get() or origin)
    try:
        yield
    finally:
        _origin.reset(token)


@contextlib.contextmanager
def of_verb(action: str) -> Iterator[None]:
    """Within it, all that happens to rows is called `action`, where their columns alone would say something else."""
    token = _verb.set(action)
    try:
        yield
    finally:
        _verb.reset(token)


def verb() -> str:
    """Returns what is done to rows now, or "" where their columns say it."""
    return _verb.get()


def command_line(arguments: list[str]) -> contextlib.AbstractContextManager[None]:
    """The context of `./gateway ARGUMENTS`: the command's name, without what was given to it."""
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    return of_origin("shell" if name in {"shell", "dbshell"} else f"command {name}".rstrip())


def current() -> Who:
    """Returns who is at work now."""
    person = _person.get()
    if person is not None:
        return person
    request = _request.get()
    if request is not None:
        return of_page(request)
    origin = _origin.get()
    return Who(origin or "code", None, f"{_account()} (on the server)" if origin else "")


def of_page(request: Any) -> Who:
    """Returns who sent a request."""
    from access.sign_in.backend import address_of

    user = getattr(request, "user", None)
    signed_in = user if user is not None and user.is_authenticated else None
    # The view's name and not the path, in which there may be the token of a link.
    view = request.resolver_match.view_name if request.resolver_match else ""
    return Who(
        f"page {view}"[:120].rstrip(),
        signed_in.pk if signed_in else None,
        signed_in.get_username() if signed_in else "",
        address_of(request)[:64],
    )


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container's user needs no name.
        return "an account without a name"
