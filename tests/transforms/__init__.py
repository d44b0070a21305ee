"""The transforms: request edits and event-stream edits."""
