"""Questions about usage, answered from the rollups."""
