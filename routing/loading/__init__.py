"""From rows to the snapshot, and its renewal whenever a row changes."""
