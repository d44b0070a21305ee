"""Real servers that alerts are sent to: one that takes mails (SMTP), and one that takes signed webhooks and verifies
them as docs/alerts.md says."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.harness.patience import until


class _Session(socketserver.StreamRequestHandler):
    """One SMTP session (RFC 5321): enough for a client that sends one mail."""

    def handle(self) -> None:
        server = cast(MailServer, self.server)
        self._say("220 mail.example ESMTP")
        recipients: list[str] = []
        while line := self.rfile.readline().decode().strip():
            verb = line.split(maxsplit=1)[0].upper()
            if verb == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                if (refusal := server.refused.get(address)) is not None:
                    self._say(refusal)
                    continue
                recipients.append(address)
            if verb == "DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                content = b"".join(lines)
                message = email.message_from_bytes(content, policy=email.policy.default)
                with server.guard:
                    server.mails.append((tuple(recipients), message))
                server.taken.set()
                until(lambda: len(server.mails) >= server.answers_from, "enough mails")
                if server.hold_answers:
                    time.sleep(3600)
            self._say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """`refused` holds replies to addresses; with `hold_answers` a mail is taken and never answered, and none
    is answered before `answers_from` mails were taken."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.guard = threading.Lock()
        self.mails: list[tuple[tuple[str, ...], EmailMessage]] = []
        self.refused: dict[str, str] = {}
        self.hold_answers = False
        self.answers_from = 0
        self.taken = threading.Event()

    @property
    def url(self) -> str:
        """EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address."""
        with self.guard:
            return [message for recipients, message in self.mails if address in recipients]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = cast(Receiver, self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        header = dict(part.split("=", 1) for part in self.headers["gateway-signature"].split(","))
        signed = f"{header['t']}.".encode() + body
        expected = hmac.new(server.secret.encode(), signed, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(expected, header["v1"]) and abs(time.time() - int(header["t"])) < 300
        status = server.status if genuine else 401
        with server.guard:
            server.received.append((status, json.loads(body)))
        server.arrived.set()
        self.send_response(status)
        if server.location:
            self.send_header("location", server.location)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Receiver(ThreadingHTTPServer):
    """Keeps what it received with the status that it answered: 401 where the signature is not that of `secret`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.guard = threading.Lock()
        self.secret = secret
        self.status = 200
        self.location = ""
        self.received: list[tuple[int, dict[str, Any]]] = []
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/alerts?channel=ops"


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    """Serves on a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
