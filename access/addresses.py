"""Addresses of peers: which are proxies that many clients share, and what the others are counted by. Knows no HTTP."""

from __future__ import annotations

import functools
import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV6_PREFIX: Final = 64
"""A network of this size is one client's, which may use any of its addresses."""


@functools.lru_cache(maxsize=16)
def networks(written: tuple[str, ...]) -> tuple[Network, ...]:
    """Returns the networks (CIDR) or single addresses of a list. Raises ValueError for one that is neither."""
    return tuple(ipaddress.ip_network(text.strip()) for text in written)


def networks_of(lines: str) -> tuple[Network, ...]:
    """Returns the networks or addresses of a text, one a line. Raises ValueError with what to write instead."""
    return tuple(_network(line.strip()) for line in lines.splitlines() if line.strip())


def _network(text: str) -> Network:
    if "%" in text:
        raise ValueError(f"{text!r} names a zone. Write the address without % and what follows.")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(
                f"{text!r} is no address or network. Write one a line, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32."
            ) from None
        raise ValueError(f"{text!r} is an address within a network. Write {network}, or the address alone.") from None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError(f"{text!r} is IPv4 written as IPv6. Write {_as_ipv4(network)}.")
    return network


def _as_ipv4(network: ipaddress.IPv6Network) -> str:
    return f"{network.network_address.ipv4_mapped}/{max(network.prefixlen - 96, 0)}"


def parsed(address: str) -> Address | None:
    """Returns an address, IPv4 written as IPv6 as what it is; None for what is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    """Whether a peer is one of our own proxies; one without an address, of a Unix socket, always is."""
    ip = parsed(address)
    return ip is None or any(ip in network for network in networks(proxies))


@functools.lru_cache(maxsize=4096)
def counted_by(address: str, proxies: tuple[str, ...]) -> str | None:
    """Returns what a peer is counted by: its address, for IPv6 its network; None for a proxy, which stands for many."""
    return None if is_trusted(address, proxies) else block_of(address)


def block_of(address: str) -> str:
    """Returns the address, for IPv6 its network; what is no address as it is."""
    ip = parsed(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False))
    return address if ip is None else str(ip)


def client_behind(peer: str, forwarded_for: str, proxies: tuple[str, ...]) -> str:
    """Returns the address of the client: the peer's, or, as long as that is one of our own proxies, the last that it
    names in X-Forwarded-For. Whatever a client wrote there itself stands further left and is not believed."""
    address = peer
    for named in reversed(forwarded_for.split(",")):
        if not is_trusted(address, proxies) or parsed(named.strip()) is None:
            break
        address = named.strip()
    return address
