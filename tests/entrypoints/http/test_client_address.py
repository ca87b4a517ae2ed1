"""The client's address behind proxies: its forms, and what a client cannot forge."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.connection.base import empty_receive

from entrypoints.http.client_address import decline_sources
from entrypoints.http.http_request import HttpRequest

PEER = "192.0.2.1"


def address(*headers: tuple[str, str], proxies: int = 1, peer: str = PEER) -> str:
    """Return the source of a request from this peer."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope: Any = {"type": "http", "headers": raw, "client": (peer, 40000)}
    _, source = decline_sources(HttpRequest(scope, empty_receive), "user", proxies)
    return source


def x_forwarded_for(value: str) -> tuple[str, str]:
    return ("x-forwarded-for", value)


def forwarded(value: str) -> tuple[str, str]:
    return ("forwarded", value)


def of(peer: str) -> str:
    """Return the source of a client without a proxy."""
    return address(proxies=0, peer=peer)


IPV4, IPV6 = "203.0.113.9", "2001:db8:1:2::9"

SPELLINGS = {
    IPV4: [
        *(IPV4, f"{IPV4}:17085", f"{IPV4}:1", f" {IPV4} ", f"\t{IPV4}:80", f"::ffff:{IPV4}"),
        *(f"[::ffff:{IPV4}]:443", f"::FFFF:{IPV4}", f'"{IPV4}:80"', f"{IPV4}:_port", f"[{IPV4}]:1"),
    ],
    IPV6: [
        *(IPV6, f"[{IPV6}]", f"[{IPV6}]:443", IPV6.upper(), "2001:0db8:0001:0002:0:0:0:9"),
        *(f"{IPV6}%eth0", f"[{IPV6}%25eth0]:80", f'"[{IPV6}]:443"', "[2001:db8:1:2:ffff::1]:9"),
    ],
}


@pytest.mark.parametrize(
    ("plain", "spelling"), [(plain, each) for plain, all_ in SPELLINGS.items() for each in all_]
)
def test_every_spelling_of_an_address_counts_as_the_same_client(plain: str, spelling: str) -> None:
    quoted = spelling.strip().strip('"')
    assert address(x_forwarded_for(spelling)) == of(plain)
    assert address(forwarded(f'for="{quoted}"')) == of(plain)
    assert of(plain) != of(PEER)


def test_another_network_is_another_client() -> None:
    assert of("2001:db8:1:2::1") == of("2001:db8:1:2:3:4:5:6")
    assert len({of(each) for each in (IPV4, IPV6, "203.0.113.10", "2001:db8:1:3::9", PEER)}) == 5


@pytest.mark.parametrize(
    "value",
    [
        *("unknown", "_hidden", "_hidden:80", "", ",", ":", "[", "[]", "[]:1", "a.b", "1.2.3"),
        "9" * 99,
    ],
)
def test_an_address_that_the_proxy_hides_counts_as_the_proxy(value: str) -> None:
    assert address(x_forwarded_for(value)) == of(PEER)
    assert address(forwarded(f'for="{value}"')) == of(PEER)


@pytest.mark.parametrize(
    "value",
    [
        *(f"for={IPV4}", f"For={IPV4};proto=https", f"proto=https ; by=_x; FOR={IPV4}:80"),
        *(f'by="[::1]:1,x;y"; for="{IPV4}"', f'for="{IPV4[:-1]}\\{IPV4[-1]}"'),
        *(f"for=198.51.100.1, for={IPV4}", f'for="198.51.100.1,;";by="a", for={IPV4};host=a'),
    ],
)
def test_forwarded_is_read_where_there_is_no_x_forwarded_for(value: str) -> None:
    assert address(forwarded(value)) == of(IPV4)
    assert address(forwarded("for=198.51.100.1"), forwarded(value)) == of(IPV4)
    assert address(forwarded(value), x_forwarded_for(IPV6)) == of(IPV6)


@pytest.mark.parametrize(
    "value",
    ["for=1.2.3.4;for=5.6.7.8", "for", 'for="1.2.3.4', "x=for=1.2.3.4", "", "for=a,", '"\\'],
)
def test_forwarded_that_cannot_be_read_counts_as_the_proxy(value: str) -> None:
    assert address(forwarded(value)) == of(PEER)


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
def test_what_a_client_sends_itself_changes_nothing(header: str) -> None:
    def entry(value: str) -> str:
        return value if header == "x-forwarded-for" else f"for={value}"

    for forged in ("198.51.100.1", "unknown", "", "1.1.1.1, 2.2.2.2", '"'):
        chain = f"{entry(forged)}, {entry(IPV4)}, {entry('10.0.0.1')}"
        assert address((header, chain), proxies=2) == of(IPV4)
    assert address((header, entry(IPV4)), proxies=2) == of(PEER)  # one proxy is missing
    assert address((header, entry(IPV4)), proxies=0) == of(PEER)


@given(st.text(st.sampled_from('for="\\;, []:.1a%'), max_size=200))
def test_no_header_is_an_error(value: str) -> None:
    for header in ("x-forwarded-for", "forwarded"):
        assert address((header, value)).startswith("address:")


def test_a_long_header_is_read_in_one_pass() -> None:
    for value in ('"\\' * 100_000, "for=" + " " * 200_000 + "x x", ";" * 200_000, '"' * 200_001):
        assert address(forwarded(value)) == of(PEER)
