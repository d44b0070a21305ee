"""Opens accounts, and passes what happens to them on to the journal and the writer."""

from __future__ import annotations

from uuid import UUID

from usage.journal.account import Account, request_id_of
from usage.journal.journal import Journal
from usage.journal.records import RequestRecord
from usage.journal.writer import Writer


class Recorder:
    """The owner of all accounts of a worker."""

    def __init__(self, writer: Writer, journal: Journal) -> None:
        self.writer = writer
        self.journal = journal

    def open(self, identity: UUID, request_id: str = "") -> Account:
        """Opens an account under an identity of `new_identity`; `request_id` is its text, where that is known."""
        return Account(self, RequestRecord(id=identity, request_id=request_id or request_id_of(identity)))

    def admitted(self, account: Account) -> bool:
        """Called by an account before each of its attempts is sent upstream; returns whether the journal has it."""
        if self.journal.append(account, ended=False):
            return True
        self.writer.test()
        return False

    def closed(self, account: Account) -> None:
        """Called by an account, once, at its end."""
        in_journal = False
        try:
            in_journal = self.journal.append(account, ended=True)
        finally:
            self.writer.put(account, at_once=not in_journal)

    def refusal(self) -> str | None:
        """Returns why no request can be recorded now, or None while the journal or the database can be written."""
        if self.journal.failing is None or self.writer.takes_rows():
            return None
        return "neither the usage journal nor the database can be written"
