"""What lists of requests and of attempts can be filtered by: parameters of URLs, as conditions on rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from django.db.models import Model, Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import Contains

from usage.journal.account import identity_of
from usage.models import AttemptLog, Outcome, RequestLog
from usage.reports.rows import sessions
from usage.rollups.measures import REPORTED

NONE: Final = "(none)"
"""The value in a URL for rows without that name or id."""
ANY: Final = "(any)"
MOST_VALUES: Final = 20
"""Values of one filter at a time."""
_LARGEST_ID = 2**63 - 1
_MOST_DIGITS = len(str(_LARGEST_ID))
_KNOWN = tuple(measure.name for measure in REPORTED if measure.kind == "sum")
_OUTCOMES = tuple((outcome.value, str(outcome.label)) for outcome in Outcome)
_FIGURES = (
    *((name, name.removesuffix("_tokens").replace("_", " ")) for name in _KNOWN),
    ("unpriced", "completed without a price"),
    ("time_to_first_token_ms", "time to first token"),
)


def id_in(text: str) -> int | None:
    """Returns the id of a row in a parameter of a URL, of any length; None where it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        return None
    return number if (number := int(text)) <= _LARGEST_ID else None


class WrongFilter(ValueError):
    """A value that a filter cannot have; the text says which one to write."""


class Filter(msgspec.Struct, frozen=True):
    """One filter: its parameter in URLs, its title, and the column that it compares.

    `label` is the column with the name, where `column` is an id. `indexed` says whether an index leads to the rows of
    one value, in order of time but for a session, which is sorted if it is short (rows.sessions). Without one, and for
    several values, rows are read and left out. `fixed` are its values, if they are not those of the rows.
    """

    name: str
    title: str
    column: str
    label: str = ""
    indexed: bool = False
    fixed: tuple[tuple[str, str], ...] = ()
    listed: bool = True
    """Whether pages offer it. The others come from links."""

    @property
    def is_id(self) -> bool:
        """Whether its values are numbers of rows, and rows without one have NULL."""
        return self.column.endswith("_id") and bool(self.label)

    def condition(self, values: list[str]) -> Q:
        """Returns the condition for rows with one of the values. Raises WrongFilter."""
        found = Q()
        for value in values:
            found |= self._one(value)
        return found

    def _one(self, value: str) -> Q:
        if self.name == "known":
            if value == "unpriced":
                return Q(cost__isnull=True, outcome=Outcome.COMPLETED)
            if value not in dict(self.fixed):
                raise WrongFilter(f"Choose a known figure: {', '.join(dict(self.fixed))}.")
            return Q(**{f"{value}__isnull": False})
        if self.name == "fidelity":
            # SQLite cannot test JSON for containment; a quoted code is found in the text on both databases.
            return Q(Contains(Cast("fidelity", TextField()), '"' if value == ANY else f'"{value}"'))
        if value == NONE:
            return Q(**{f"{self.column}__isnull": True} if self.is_id else {self.column: ""})
        if self.is_id:
            identity = id_in(value)
            if identity is None:
                raise WrongFilter(f"{self.name} must be the number of a {self.title}, or {NONE}.")
            return Q(**{self.column: identity})
        return Q(**{self.column: value})


class Kind(msgspec.Struct, frozen=True):
    """A kind of rows. `order` are the columns that its list is ordered by, and that an index is in order of."""

    model: type[Model]
    order: tuple[str, ...]
    filters: dict[str, Filter]


def _by_name(*filters: Filter) -> dict[str, Filter]:
    return {each.name: each for each in filters}


_OUTCOME = Filter("outcome__exact", "outcome", "outcome", fixed=_OUTCOMES)
_PROVIDER = Filter("provider", "provider", "provider_name")
_MODEL = Filter("model", "model", "model_name")
_CODE = Filter("code", "reason", "sentence_code", listed=False)
_ERROR = Filter("error", "error", "error_type", listed=False)
_FIDELITY_CODE = Filter("fidelity", "fidelity code", "fidelity", fixed=((ANY, "any"),))
_KNOWN_FIGURE = Filter("known", "known figure", "", fixed=_FIGURES)

REQUESTS: Final = Kind(
    RequestLog,
    ("started_at", "id"),
    _by_name(
        _OUTCOME,
        Filter("team", "team", "team_id", "team_name", indexed=True),
        Filter("owner", "owner", "owner_id", "owner_name"),
        Filter("key", "client key", "key_id", "key_name", indexed=True),
        Filter("client", "client", "client_name"),
        Filter("route", "route", "route_name"),
        _PROVIDER,
        _MODEL,
        _FIDELITY_CODE,
        _KNOWN_FIGURE,
        Filter("session", "session", "session_id", indexed=True, listed=False),
        _CODE,
        _ERROR,
        Filter("phase", "phase", "phase", listed=False),
        Filter("rule", "chosen by", "rule", listed=False),
    ),
)
ATTEMPTS: Final = Kind(
    AttemptLog,
    ("id",),
    _by_name(
        _OUTCOME, _PROVIDER, Filter("credential", "credential", "credential_name"),
        Filter("credential_id", "credential", "credential_id", "credential_name", listed=False), _MODEL,
        _FIDELITY_CODE, _KNOWN_FIGURE, _CODE, _ERROR,
    ),
)  # fmt: skip


class Chosen(msgspec.Struct, frozen=True):
    """The filters of a list with their values, and what they come to: a condition that an index leads to, and others.

    `exact` means an id that was searched for, in all time.
    """

    kind: Kind
    values: dict[str, list[str]] = {}
    indexed: Any = Q()
    others: Any = Q()
    search: str = ""
    exact: bool = False


def chosen(kind: Kind, parameters: Mapping[str, Any], search: str = "") -> Chosen:
    """Returns the filters in the parameters of a URL, each with its list of values. Raises WrongFilter."""
    found: dict[str, list[str]] = {}
    indexed, others = Q(), Q()
    for name, each in kind.filters.items():
        values = list(dict.fromkeys(value for value in _values(parameters, name) if value))
        if not values:
            continue
        if len(values) > MOST_VALUES:
            raise WrongFilter(f"Choose at most {MOST_VALUES} values of the filter {each.title}.")
        found[name] = values
        if each.column == "session_id" and (len(values) > 1 or sessions.is_long(values[0])):
            others &= sessions.without_index(*values)
        elif each.indexed and len(values) == 1:
            indexed &= each.condition(values)
        else:
            others &= each.condition(values)
    exact = None
    if search:
        exact = _searched(kind, search)
        if exact is None:
            others &= Q(upstream_request_id=search)
        elif kind is REQUESTS and sessions.is_long(search):
            # Within the range, as a filter would be.
            exact = None
            others &= sessions.without_index(search)
        else:
            indexed &= exact
    return Chosen(kind, found, indexed, others, search, exact is not None)


def _values(parameters: Mapping[str, Any], name: str) -> Iterable[str]:
    getlist = getattr(parameters, "getlist", None)
    if getlist is not None:
        found: list[str] = getlist(name)
        return found
    value = parameters.get(name, [])
    return [value] if isinstance(value, str) else value


def _searched(kind: Kind, search: str) -> Q | None:
    """Returns the condition for an id that an index finds; None for the provider's id of an attempt."""
    identity = identity_of(search)
    if kind is REQUESTS:
        return Q(session_id=search) if identity is None else Q(id=identity) | Q(session_id=search)
    return None if identity is None else Q(request_log_id=identity)
