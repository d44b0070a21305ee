"""Streams that run now and those that ended last, of all workers: rows that are written only while somebody looks."""
