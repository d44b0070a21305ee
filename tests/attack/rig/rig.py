"""A gateway set up as documented, with a hostile upstream behind it, and everything that a probe needs of both."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from access.models import Team
from access.roles.table import Role
from providers.dialects import DIALECTS
from routing.loading import revision
from tests.attack.rig.marks import Marks
from tests.attack.rig.staff import Browser, browser_of, make_person, make_staff
from tests.attack.rig.toll import Toll, watching
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.http.raw import CLOSE, request, talk
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply, Script
from tests.harness.speakers import SPEAKERS
from tests.harness.upstream import Upstream


class Rig:
    """One gateway, its upstream, its secrets. `key` may use everything; `routes` are by dialect; `secrets` are the
    credentials by route."""

    def __init__(self, name: str, gateway: Gateway, workers: int, upstream: Upstream, marks: Marks) -> None:
        self.name = name
        self.gateway = gateway
        self.port = gateway.port
        self.upstream = upstream
        self.marks = marks
        self.rows = Rows()
        self.key: Key
        self.routes: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self._workers = workers
        self._numbers = itertools.count(1)
        self._log_read = 0
        self._loaded: list[dict[str, int]] = []

    def set_up(self) -> None:
        """A route for every dialect and a key."""
        with self.configure():
            self.key = self.new_key()
            for dialect in DIALECTS:
                self.routes[dialect] = self.new_route(dialect)

    # --- configuration ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def configure(self) -> Iterator[None]:
        """Write rows in the block; after it every worker has them."""
        yield
        wanted = revision.numbers()
        until(lambda: self._times_loaded(wanted) >= self._workers, f"every worker to have loaded {wanted}")

    def new_key(self, **fields: Any) -> Key:
        """A client key, of a new team unless one is given."""
        key = make_key(**fields)
        self.marks.add(f"client key {key.row.name}", key.secret)
        return key

    def new_route(self, dialect: str, script: Script | None = None, **fields: Any) -> str:
        """A route with a provider and a model of its own; `fields` are the provider's. The route's name. With a
        `script` that answers whatever a request's prompt leads to no other."""
        secret = self.marks.make(f"credential {next(self._numbers)} {dialect}")
        mark = f"/{script.mark}" if script is not None else ""
        base = f"{self.upstream.base_url}/{dialect}{mark}{SPEAKERS[dialect].prefix}"
        provider = make_provider(dialect, base, secret=secret, **fields)
        name = make_route([make_model(provider)]).name
        self.secrets[name] = secret
        return name

    def signed_in(
        self, *permissions: str, superuser: bool = False, **fields: Any
    ) -> contextlib.AbstractContextManager[Browser]:
        """A browser of a member of staff with these permissions, such as `providers.view_provider`, and no others."""
        user = make_staff(permissions, superuser=superuser, **fields)
        return browser_of(f"http://127.0.0.1:{self.port}", user)

    def with_role(self, role: Role, team: Team | None = None) -> contextlib.AbstractContextManager[Browser]:
        """A browser of somebody with a role, of the whole site or of a team."""
        return browser_of(f"http://127.0.0.1:{self.port}", make_person(role, team))

    def anonymous(self) -> contextlib.AbstractContextManager[Browser]:
        """A browser of nobody."""
        return browser_of(f"http://127.0.0.1:{self.port}", None)

    @contextlib.contextmanager
    def serving(self, *, workers: int = 1, ready: bool = True, **env: str) -> Iterator[Rig]:
        """Another server on the same database, without nginx, with these settings. `ready`: whether it will be."""
        keep = {name: self.gateway.environment[name] for name in ("SECRET_KEY", "ENCRYPTION_KEYS")}
        gateway = Gateway(f"rig-{self.name}-other", workers=workers, env={**keep, **env})
        other = Rig(self.name, gateway, workers, self.upstream, self.marks)
        other.key, other.routes, other.secrets = self.key, self.routes, self.secrets
        gateway.launch()
        try:
            if ready:
                gateway.wait_ready()
            else:
                until(lambda: gateway.readiness()[0] == 503, "it to say that it is not ready")
            yield other
        finally:
            gateway.stop()

    # --- asking -------------------------------------------------------------------------------------------------------

    def client(self, key: str | None = "", **headers: str) -> Client:
        """Someone at the front door: with the rig's key, another one, or none (None)."""
        return Client(f"http://127.0.0.1:{self.port}", self.key.secret if key == "" else key, **headers)

    def script(self, reply: Reply | None = None, dialect: str = "anthropic") -> Script:
        """What the upstream shall say to a prompt: `reply`, or "done"."""
        return self.upstream.script(reply or speak.answer(dialect, "done"))

    def body(self, script: Script, dialect: str = "anthropic", **fields: Any) -> dict[str, Any]:
        """A Messages request whose answer is `script`."""
        return {**message(self.routes[dialect], script.prompt), **fields}

    def raw(self, *parts: bytes) -> list[Answer]:
        """What the front door answers to these bytes, until it closes; [] where it closes without a word."""
        return talk(self.port, *parts)

    def send(self, body: Any, *lines: tuple[str, str], **options: Any) -> Answer:
        """One request with exactly these header lines (and a Host); its last answer."""
        return self.raw(request(body, ("Host", "127.0.0.1"), *lines, CLOSE, **options))[-1]

    # --- looking ------------------------------------------------------------------------------------------------------

    def pids(self) -> list[int]:
        """The processes of the workers."""
        pid = self.gateway.pid
        if self._workers == 1:
            return [pid]
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def watching(self) -> contextlib.AbstractContextManager[Toll]:
        """What the block takes of the server."""
        return watching(self.gateway.port, self.pids())

    def assert_serves(self) -> None:
        """It still answers a request as it should."""
        script = self.script()
        answer = self.client().post(self.body(script))
        assert answer.stream().text == "done"

    def _times_loaded(self, wanted: dict[str, int]) -> int:
        with self.gateway.log_file.open("rb") as log:
            log.seek(self._log_read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._log_read += len(whole)
        lines = [json.loads(line) for line in whole.splitlines() if b"snapshot loaded" in line]
        self._loaded += [line["revisions"] for line in lines]
        return self._loaded.count(wanted)
