"""Row parity while things are killed: a counting upstream is the witness, and every attempt that it saw must be a row.

The short form is a part of `make test-all`; `make chaos` runs the long form and ends in one verdict line.
"""
