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
