"""A key that has networks is accepted from these alone; who the client is, only our own proxies may say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from access.addresses import networks_of
from access.keys import KeyRecord, NotPermitted, from_address
from tests.harness.call import Client
from tests.harness.configure import make_key
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


@pytest.mark.parametrize(
    ("lines", "address", "accepted"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "::ffff:11.1.2.3", False),
        ("192.0.2.7\n2001:db8::/32", "192.0.2.7", True),
        ("192.0.2.7\n2001:db8::/32", "2001:db8:1::1", True),
        ("192.0.2.7\n2001:db8::/32", "192.0.2.8", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("0.0.0.0/0\n::/0", "", False),
        ("0.0.0.0/0\n::/0", "unix", False),
    ],
)
def test_addresses_and_networks(lines: str, address: str, accepted: bool) -> None:
    record = KeyRecord(1, "k", "sk-px-abcd", "", 1, "red", networks=networks_of(lines))
    found = from_address(record, address)
    if accepted:
        assert found is record
    else:
        assert isinstance(found, NotPermitted)
        assert "or ask an administrator of this gateway to allow this address" in found.message


@pytest.fixture(scope="module")
def direct(live_database: None) -> Iterator[Gateway]:
    """A gateway without proxies in front."""
    running = Gateway("direct", env={"TRUSTED_PROXIES": "192.0.2.0/24"})
    running.start()
    yield running
    running.stop()


def test_the_clients_address_is_what_our_proxies_say(orm: Rows, gateway: Gateway, direct: Gateway) -> None:
    inside, local, free = make_key(allowed_networks="10.0.0.0/8"), make_key(allowed_networks="127.0.0.1"), make_key()
    for one in (gateway, direct):
        one.wait_snapshot()

    def status(one: Gateway, secret: str, forwarded: str = "") -> int:
        headers = {"x-forwarded-for": forwarded} if forwarded else {}
        return Client(one.base_url, secret).get("/v1/me", headers=headers).status

    # The loopback address is a proxy of ours.
    assert status(gateway, inside.secret, "10.1.2.3") == 200
    assert status(gateway, inside.secret, "10.1.2.3, 198.51.100.1") == 403
    assert status(gateway, inside.secret, "nonsense") == 403
    assert status(gateway, inside.secret) == 403
    assert status(gateway, local.secret) == 200
    # Here it is a client, and what it writes is not believed.
    assert status(direct, inside.secret, "10.1.2.3") == 403
    assert status(direct, local.secret, "10.1.2.3") == 200
    assert status(direct, free.secret, "10.1.2.3") == 200
    refused = Client(direct.base_url, inside.secret).get("/v1/me", headers={"x-forwarded-for": "10.1.2.3"})
    error = refused.error(403, "permission_error")
    assert f"{inside.row.prefix}… is not accepted from 127.0.0.1. Send the request from one of its networks" in str(
        error
    )
