"""Runs the demo upstream with uvicorn, on loopback only.

As a child of the gateway (`python -m proxysite.demo.server --fd N`) it ends when its standard input does: the parent
holds the other end of that pipe, which closes however the parent dies.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import threading

import uvicorn

from proxysite.demo.app import app

HOST = "127.0.0.1"


class PortTaken(Exception):
    """Another process listens on the demo upstream's port."""


def listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises PortTaken."""
    try:
        return socket.create_server((HOST, port), backlog=2048)
    except OSError as error:
        raise PortTaken(
            f"The demo upstream cannot listen on {HOST}:{port} ({os.strerror(error.errno or 0)}). It uses the port "
            "after the gateway's. Choose another PORT, stop what listens there, or set DEMO_UPSTREAM=false."
        ) from error


def run(listener: socket.socket, until_input_ends: bool = False) -> None:
    """Serves until a signal, or with `until_input_ends` until standard input ends."""
    logging.basicConfig(level=logging.ERROR, format="demo upstream: %(message)s")
    # demo-drop leaves its answer unfinished on purpose.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in record.getMessage())
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, log_level="error", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    if until_input_ends:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run(sockets=[listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    while os.read(0, 1024):
        pass
    server.force_exit = True
    server.should_exit = True


def main() -> None:
    """Serves on a socket that the parent process opened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="file descriptor of the listening socket")
    run(socket.socket(fileno=parser.parse_args().fd), until_input_ends=True)


if __name__ == "__main__":
    main()
