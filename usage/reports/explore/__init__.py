"""The explorer: one question about usage (a metric by a group, over time), answered from rollups."""
