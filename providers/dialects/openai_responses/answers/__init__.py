"""The reading side: one answer from its JSON events to ours, one file a kind of output item."""
