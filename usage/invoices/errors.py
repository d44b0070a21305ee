"""What is wrong with an invoice."""

from __future__ import annotations


class InvoiceError(ValueError):
    """An invoice that cannot be read. Its `problems` are sentences that say what to do, each with its line if it has
    one."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems
