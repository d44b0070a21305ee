"""Finds out what people should know, and sends it: a thread of each worker, of which one at a time has the lease."""
