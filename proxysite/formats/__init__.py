"""How pages write dates and times: as ISO 8601 does, which nobody can misread."""
