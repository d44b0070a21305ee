"""Instructions instead of seconds: what the gateway executes for a request, on a busy machine as on an idle one.

`make count` prints them in columns, the application alone, its limits and the whole server, beside `recorded.json`.
valgrind's callgrind counts user-space instructions; the kernel's work is not in them. See docs/benchmarks.md.
"""
