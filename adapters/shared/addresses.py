"""Addresses that are nobody's business: this machine and networks that not everybody shares."""

from __future__ import annotations

import ipaddress
import re

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL = ("localhost", "local", "internal", "localdomain", "arpa")
_NETWORK = 64  # bits of an IPv6 address that one customer of a provider has

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read(text: str) -> Address | None:
    """The address that ``text`` is; None for a name. One that only wraps an older address is that one."""
    found = _plain(text)
    return None if found is None else _inside(found) or found


def is_public(text: str) -> bool:
    """True for an address on the network that everybody shares; False for every other one, and for a name."""
    found = _plain(text)
    if found is None:
        return False
    return all(one.is_global and not one.is_multicast for one in (found, _inside(found) or found))


def leads_inside(host: str) -> bool:
    """True for a name or an address that leads to this machine or a network not everybody shares.

    A name is not looked up: what it leads to is asked again when it is connected to.
    """
    host = host.rstrip(".").lower()
    if _plain(host) is not None:
        return not is_public(host)
    # A name without a dot, or of digits alone (0x7f000001, 2130706433), is nobody's on the public network.
    last = host.rpartition(".")[2]
    return "." not in host or last in _LOCAL or bool(re.fullmatch(r"\d+|0x[0-9a-f]*", last))


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


def _plain(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _inside(address: Address) -> ipaddress.IPv4Address | None:
    """The older address that one of the longer kind wraps."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
