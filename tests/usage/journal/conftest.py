"""Which modules need PostgreSQL: there are no partitions anywhere else."""

from __future__ import annotations

from tests.harness.database import KIND

collect_ignore = [] if KIND == "postgresql" else ["test_partitions.py"]
