"""Addresses that are nobody's business: this machine and networks that not everybody shares."""

from __future__ import annotations

import ipaddress

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_NETWORK = 64  # bits of an IPv6 address that one customer of a provider has

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read(text: str) -> Address | None:
    """The address that ``text`` is; None for a name. One that only wraps an older address is that one."""
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return _inside(found) or found
    return found


def is_public(text: str) -> bool:
    """True for an address on the network that everybody shares; False for every other one, and for a name."""
    found = read(text)
    return found is not None and found.is_global and not found.is_multicast


def is_loopback(text: str) -> bool:
    """True for an address of this machine alone."""
    found = read(text)
    return found is not None and found.is_loopback


def neighbourhood(text: str) -> str:
    """Whom an address stands for when requests are counted: of the longer kind one person has very many."""
    found = read(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found), _NETWORK), strict=False))
    return text if found is None else str(found)


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
