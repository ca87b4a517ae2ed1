"""Listing: a gateway's own export, in the place of what the file says about its charges."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, Any, Final

import msgspec
from attrs import define, field, frozen

from payments_kit.verification import stripe_objects
from payments_kit.verification.lines import (
    ChargeLine,
    DisputeLine,
    GatewayLists,
    Header,
    RefundLine,
    decode,
    encode,
)
from payments_kit.verification.reading import MAX_LINE

LISTED: Final = 2**40
"""Records of a listing are numbered from here on: no file has so many lines."""

Listed = ChargeLine | RefundLine | DisputeLine

_KINDS: Final = frozenset({"charge", "refund", "dispute"})


@frozen
class BadListing(Exception):
    """The listing cannot be used."""

    number: int
    """Of the record, from 1."""
    problem: str

    def __str__(self) -> str:
        return f"record {self.number}: {self.problem}"


@define
class Listing:
    """The records of a listing that are of the shop, and of the period."""

    _opened: IO[bytes]
    header: Header
    replaced: set[tuple[str, str]] = field(factory=set)
    """The gateways and kinds of record that it has: the file's own are not used."""
    foreign: Counter[str] = field(factory=Counter)

    def __iter__(self) -> Iterator[tuple[int, Listed, bytes]]:
        """Yield each record with its number, and as a line of ours.

        Raises:
            BadListing: the first record that cannot be used.
        """
        for number, body in enumerate(_records(self._opened), start=1):
            line = self._read(number, body)
            if line is not None:
                yield LISTED + number, line, encode(line)

    def _read(self, number: int, body: Any) -> Listed | None:
        named = body.get("object") or body.get("kind") if isinstance(body, dict) else None
        kind = str(named)
        if kind not in _KINDS:
            raise BadListing(number, "it is not a charge, refund or dispute")
        gateway = stripe_objects.GATEWAY if "object" in body else str(body.get("gateway"))
        if "object" in body and kind == "dispute":
            raise BadListing(number, "disputes of Stripe are read by the export only")
        self.replaced.add((gateway, kind))
        try:
            line = _line_of(body)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = ascii(str(error))[1:-1][:100]
            raise BadListing(number, f"it is not a valid {kind}: {what}") from None
        if line is None or not self._is_ours(line):
            self.foreign[kind] += 1
            return None
        return line if self._is_in_period(line) else None

    def _is_ours(self, line: Listed) -> bool:
        """Whether a payment was claimed in these books, as its id says."""
        return not isinstance(line, ChargeLine) or line.payment.endswith(self.header.shop)

    def _is_in_period(self, line: Listed) -> bool:
        at: datetime | None
        if isinstance(line, ChargeLine):
            at = line.captured_at or line.claimed_at
        else:
            at = line.created_at
        return at is None or self.header.since <= at < self.header.until

    def amended(self) -> Header:
        """Return the header with what the listing has, too."""
        named = {each.name: each for each in self.header.gateways}
        for gateway in {gateway for gateway, _ in self.replaced}:
            known = named.get(gateway, GatewayLists(gateway, False, False))
            named[gateway] = GatewayLists(
                gateway,
                known.charges or (gateway, "charge") in self.replaced,
                known.refunds or (gateway, "refund") in self.replaced,
                known.disputes or (gateway, "dispute") in self.replaced,
                known.delay_seconds,
                known.livemode,
            )
        return msgspec.structs.replace(self.header, gateways=[*named.values()])


def _line_of(body: Mapping[str, Any]) -> Listed | None:
    match body.get("object"):
        case "charge":
            found: Listed | None = stripe_objects.charge_of(body)
        case "refund":
            found = stripe_objects.refund_of(body)
        case _:
            return _checked(msgspec.json.encode(body))
    return None if found is None else _checked(encode(found))


def _checked(line: bytes) -> Listed:
    found = decode(line)
    if not isinstance(found, Listed):
        raise TypeError("another kind of line")
    return found


def _records(opened: IO[bytes]) -> Iterator[Any]:
    """Yield the objects of JSON lines, or of one JSON document; a list has its `data`."""
    line = opened.readline(MAX_LINE + 1)
    if not line:
        raise BadListing(1, "it is missing: an empty file does not say what it lists")
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        yield from _flat(_parsed(1, line + opened.read(MAX_LINE)))
        return
    yield from _flat(first)
    number = 1
    while line := opened.readline(MAX_LINE + 1):
        number += 1
        if line.strip():
            yield from _flat(_parsed(number, line))


def _parsed(number: int, text: bytes) -> Any:
    if len(text) > MAX_LINE:
        raise BadListing(number, f"it has more than {MAX_LINE} bytes: write one object a line")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadListing(number, "it is not JSON") from None


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        yield from value["data"]
    elif isinstance(value, list):
        yield from value
    else:
        yield value
