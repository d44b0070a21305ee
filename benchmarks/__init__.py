"""The measured claims of the README, for anyone to run again: `make bench`, or `python -m benchmarks --help`.

Nothing here is imported by the gateway, and only `site` and `parts` import any of it.
"""
