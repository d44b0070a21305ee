"""The live view over its WebSocket: what it shows of every worker, to whom, and how streams are cut."""
