"""Which addresses may be called, in every form in which one can be written."""

from __future__ import annotations

import pytest

from providers.outbound.addresses import Refusal, refusal_of, refusal_of_host

PUBLIC = ("93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:81b::200e")
PRIVATE = (
    *("127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1"),
    *("::1", "fd12:3456::1", "fc00::1", "fec0::1", "2001:db8::1", "3fff::1", "100::1", "64:ff9b:1::a00:1", "5f00::1"),
)
NEVER = (
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("::", "fe80::1", "fe80::1%eth0", "ff02::1", "2001::1", "fd00:ec2::254", "fd20:ce::254"),
)
# The same address inside others: mapped, compatible, NAT64, 6to4.
WRAPPED = {
    "127.0.0.1": ("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:7f00:1"),
    "169.254.169.254": ("::ffff:a9fe:a9fe", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1"),
    "93.184.216.34": ("::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1"),
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert refusal_of(address, local=False) is None
    assert refusal_of(address, local=True) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_for_local_providers(address: str) -> None:
    assert refusal_of(address, local=False) is Refusal.PRIVATE
    assert refusal_of(address, local=True) is None


@pytest.mark.parametrize("address", [*NEVER, "no address", "", "127.1"])
def test_some_addresses_are_never_called(address: str) -> None:
    assert refusal_of(address, local=False) is Refusal.NEVER
    assert refusal_of(address, local=True) is Refusal.NEVER


@pytest.mark.parametrize(
    ("inner", "address"), [(inner, address) for inner, wrapped in WRAPPED.items() for address in wrapped]
)
@pytest.mark.parametrize("local", [True, False])
def test_an_address_inside_another_is_judged_by_where_it_leads(inner: str, address: str, local: bool) -> None:
    assert refusal_of(address, local=local) is refusal_of(inner, local=local)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1."),
        *("[::1]", "::1", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST", "localhost.", "x.localhost", "ollama"),
        *("１２７.０.０.１", "10.0.0.5", "192.168.0.10"),
    ],
)
def test_hosts_that_are_here_in_any_spelling(host: str) -> None:
    assert refusal_of_host(host, local=False) is Refusal.PRIVATE
    assert refusal_of_host(host, local=True) is None


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[fe80::1%25eth0]", "0", "999.1"])
def test_hosts_that_are_never_called_in_any_spelling(host: str) -> None:
    assert refusal_of_host(host, local=True) is Refusal.NEVER


@pytest.mark.parametrize(
    "host", ["api.example.com", "1.1.1.1", "16843009", "[2606:4700::1111]", "3com.example", "0x.io"]
)
def test_hosts_that_only_resolving_can_tell_or_that_are_public(host: str) -> None:
    assert refusal_of_host(host, local=False) is None
