"""The audit's place in Django's ORM: every write of a watched model becomes SQL here.

Saves, cascades, `queryset.update`, `bulk_create` and many-to-many fields have nothing else in common: signals miss some
of them, managers others. `install` names this module as the database backend's `compiler_module`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.db.models.sql import Query
from django.db.utils import load_backend

from access.audit import context, rows, watched, writer

_operations: Any = load_backend(settings.DATABASES["default"]["ENGINE"]).DatabaseWrapper.ops_class
_base: Any = import_module(_operations.compiler_module)

SQLCompiler = _base.SQLCompiler
SQLAggregateCompiler = _base.SQLAggregateCompiler


_checks: dict[type[Model], Callable[[rows.Rows, str], None]] = {}


def check_writes(model: type[Model], check: Callable[[rows.Rows, str], None]) -> None:
    """Calls `check` after rows of a watched model were changed or deleted, with what they were before and the name of
    the database. It undoes the write by raising."""
    _checks[model] = check


def install() -> None:
    """Makes every connection of the process compile with these classes, once the models are loaded."""
    watched.load()
    _operations.compiler_module = __name__


class SQLInsertCompiler(_base.SQLInsertCompiler):  # type: ignore[misc]
    """Writes about rows that are created."""

    def execute_sql(self, returning_fields: Any = None) -> Any:
        """Inserts the rows."""
        model = self.query.model
        watch = watched.watch_of(model)
        if watch is None or watch.only_deletions:
            return super().execute_sql(returning_fields)
        # Where rows may exist already, nothing but a look at the table says which were written.
        everything = self.query.on_conflict is not None
        with transaction.atomic(using=self.using, savepoint=False):
            head = writer.lock(self.using)
            before = rows.read(model, None, self.using) if everything else {}
            returned = super().execute_sql(returning_fields)
            pks = None if everything else self._pks(returned)
            after = rows.read(model, pks, self.using)
            writer.append_to(head, rows.drafts(model, before, after, self.using, context.verb()), self.using)
        return returned

    def _pks(self, returned: Any) -> list[Any]:
        pk = self.query.model._meta.pk
        names = [field.attname for field in self.returning_fields or ()]
        if pk.attname in names:
            return [row[names.index(pk.attname)] for row in returned]
        return [obj.pk for obj in self.query.objs]


class SQLUpdateCompiler(_base.SQLUpdateCompiler):  # type: ignore[misc]
    """Writes about rows that are changed."""

    def execute_sql(self, result_type: Any) -> Any:
        """Updates the rows."""
        model = self.query.model
        watch = watched.watch_of(model)
        if watch is None or watch.only_deletions or all(one.name in watch.unseen for one, _, _ in self.query.values):
            return super().execute_sql(result_type)
        with transaction.atomic(using=self.using, savepoint=False):
            head = writer.lock(self.using)
            before = rows.read(model, _matching(self.query, self.using), self.using)
            result = super().execute_sql(result_type)
            writer.forget_names(self.using)
            _checked(model, before, self.using)
            after = rows.read(model, before, self.using)
            writer.append_to(head, rows.drafts(model, before, after, self.using, context.verb()), self.using)
        return result


class SQLDeleteCompiler(_base.SQLDeleteCompiler):  # type: ignore[misc]
    """Writes about rows that are deleted."""

    def execute_sql(self, *args: Any, **options: Any) -> Any:
        """Deletes the rows. What they refer to is still there to be named."""
        model = self.query.model
        if watched.watch_of(model) is None:
            return super().execute_sql(*args, **options)
        with transaction.atomic(using=self.using, savepoint=False):
            head = writer.lock(self.using)
            before = rows.read(model, _matching(self.query, self.using), self.using)
            drafts = rows.drafts(model, before, {}, self.using, context.verb())
            result = super().execute_sql(*args, **options)
            writer.forget_names(self.using)
            _checked(model, before, self.using)
            writer.append_to(head, drafts, self.using)
        return result


def _checked(model: type[Model], before: rows.Rows, using: str) -> None:
    if model in _checks:
        _checks[model](before, using)


def _matching(query: Any, using: str) -> list[Any]:
    """The primary keys of the rows that an UPDATE or DELETE is about. The lock on the head keeps them as they are."""
    select = query.chain(klass=Query)
    select.select_related = False
    select.clear_ordering(force=True)
    select.clear_select_clause()
    select.extra = {}
    select.select = (select.get_meta().pk.get_col(select.get_initial_alias()),)
    return [row[0] for row in chain.from_iterable(select.get_compiler(using).execute_sql("multi"))]
