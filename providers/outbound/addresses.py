"""Which network addresses may be called: public ones; private ones for a provider with “local” on; some never.

Pure policy. The guarded client applies it to every connection, the admin before a provider is saved.
"""

from __future__ import annotations

import re
import socket
import unicodedata
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit


class Refusal(StrEnum):
    """Why an address is not called; completes the sentence `The address is ...`."""

    PRIVATE = "private"
    NEVER = "blocked (link-local, multicast, reserved or a cloud's metadata address)"


# https://www.iana.org/assignments/iana-ipv4-special-registry, as of 2026-11. Python's own `is_global` changed
# within 3.11 and 3.12, so this table does not use it.
_PRIVATE_4 = tuple(
    IPv4Network(block)
    for block in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        # Protocol assignments, documentation, 6to4 relays, benchmarks.
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    )
)
_NEVER_4 = tuple(
    IPv4Network(block)
    for block in (
        *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        # Metadata outside of link-local: Alibaba Cloud, Oracle Cloud, Azure's wire server.
        *("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry
_GLOBAL_6 = IPv6Network("2000::/3")
_PRIVATE_6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NEVER_6 = tuple(
    IPv6Network(block)
    for block in (
        # Unspecified, link-local, multicast, Teredo (hides an IPv4 address), metadata of AWS and Google Cloud.
        *("::/128", "fe80::/10", "ff00::/8", "2001::/32", "fd00:ec2::/32", "fd20:ce::/32"),
    )
)
_NAT64, _SIX_TO_FOUR, _COMPATIBLE = IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16"), IPv6Network("::/96")
_LOOPBACK_6 = IPv6Address("::1")
# What inet_aton reads as an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)


def refusal_of(address: str, *, local: bool) -> Refusal | None:
    """Returns why an IP address (with or without a zone) must not be called, or None. NEVER for anything else."""
    try:
        ip = ip_address(address)
    except ValueError:
        return Refusal.NEVER
    if isinstance(ip, IPv6Address):
        inner = _embedded(ip)
        return _refusal_of_6(ip, local) if inner is None else _refusal_of_4(inner, local)
    return _refusal_of_4(ip, local)


def refusal_of_host(host: str, *, local: bool) -> Refusal | None:
    """Returns the same for the host of a URL, as far as that is known without resolving it."""
    host = unicodedata.normalize("NFKC", host).strip("[]").rstrip(".").lower()
    if ":" in host:
        return refusal_of(host, local=local)
    if _NUMERIC.fullmatch(host):
        try:
            return refusal_of(socket.inet_ntoa(socket.inet_aton(host)), local=local)
        except OSError:
            return Refusal.NEVER
    is_here = "." not in host or host.endswith(".localhost")
    return Refusal.PRIVATE if is_here and not local else None


def is_own_network(base_url: str) -> bool:
    """Returns whether an address is this machine or in a private network, judging by its text."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    return refusal_of_host(host, local=False) is Refusal.PRIVATE or host.endswith((".local", ".internal"))


def _refusal_of_4(ip: IPv4Address, local: bool) -> Refusal | None:
    if any(ip in block for block in _NEVER_4):
        return Refusal.NEVER
    return Refusal.PRIVATE if not local and any(ip in block for block in _PRIVATE_4) else None


def _refusal_of_6(ip: IPv6Address, local: bool) -> Refusal | None:
    if any(ip in block for block in _NEVER_6):
        return Refusal.NEVER
    is_public = ip in _GLOBAL_6 and not any(ip in block for block in _PRIVATE_6)
    return None if local or is_public else Refusal.PRIVATE


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """Returns the IPv4 address that an IPv6 address embeds, or None."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _SIX_TO_FOUR:
        return IPv4Address(int(ip) >> 80 & 0xFFFFFFFF)
    if ip in _NAT64 or (ip in _COMPATIBLE and ip != _LOOPBACK_6):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
