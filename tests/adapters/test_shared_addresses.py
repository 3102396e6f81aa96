"""Which addresses are on the network that everybody shares."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.shared import addresses

INSIDE = (
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),  # noqa: S104 - an address to be refused
    *("::1", "[::1]", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:100.64.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::e000:1", "2002:7f00:1::"),
)
NAMES_INSIDE = (
    *("localhost", "LOCALHOST.", "db", "printer.local", "api.internal", "nas.home.arpa", "", "."),
    *("127.1", "2130706433", "0x7f000001", "0x7f.0.0.1"),
)
OUTSIDE = ("8.8.8.8", "2606:4700::1111", "[2606:4700::1111]", "64:ff9b::808:808", "::ffff:8.8.8.8")


@pytest.mark.parametrize("host", [*INSIDE, *NAMES_INSIDE])
def test_what_leads_inside_is_not_public(host: str) -> None:
    assert addresses.leads_inside(host)
    assert not addresses.is_public(host)


@pytest.mark.parametrize("host", [*OUTSIDE, "desk.example", "api.intercom.io", "Shop.Example."])
def test_what_leads_outside_does_not_lead_inside(host: str) -> None:
    assert not addresses.leads_inside(host)


def test_only_addresses_are_public() -> None:
    assert all(map(addresses.is_public, OUTSIDE))
    assert not addresses.is_public("desk.example")


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}"]))
def test_an_address_in_another_is_no_more_public_than_by_itself(address: ipaddress.IPv4Address, wrap: str) -> None:
    assert addresses.is_public(wrap.format(address)) <= addresses.is_public(str(address))
    assert addresses.read(wrap.format(address)) == address
    assert addresses.is_public(str(address)) is not addresses.leads_inside(str(address))


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_name(text: str) -> None:
    if addresses.read(text) is None:
        assert (addresses.is_public(text), addresses.neighbourhood(text)) == (False, text)
    assert addresses.leads_inside(text) in (True, False)


def test_this_machine_is_known_by_its_addresses() -> None:
    assert all(map(addresses.is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")))
    assert not any(map(addresses.is_loopback, ("10.0.0.1", "8.8.8.8", "localhost", "")))


def test_addresses_of_one_network_are_one_caller() -> None:
    assert addresses.neighbourhood("2001:db8::1") == addresses.neighbourhood("2001:db8::ffff") != "2001:db8::1"
    assert addresses.neighbourhood("2001:db8:0:1::1") != addresses.neighbourhood("2001:db8::1")
    assert addresses.neighbourhood("::ffff:1.2.3.4") == addresses.neighbourhood("1.2.3.4") == "1.2.3.4"
