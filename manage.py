#!/usr/bin/env python
"""Django's command line for the gateway. `./gateway` runs it with the right Python."""

import sys

from proxysite.command_line import run

if __name__ == "__main__":
    run(sys.argv[1:])
