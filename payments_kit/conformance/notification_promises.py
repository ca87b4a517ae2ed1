"""What the reader of a gateway's notifications promises, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from application.ports.gateway_notifications import (
    READ_SECONDS,
    InvalidNotification,
    Notification,
    NotificationReader,
    PaymentNotification,
    UnrelatedNotification,
    UnusableNotification,
    reader_of,
)
from domain.outcome import Charged, Declined, Refused
from payments_kit.conformance.notification_harness import NotificationHarness
from payments_kit.conformance.samples import paid

MAX_ID: Final = 255
"""Characters of the id of a notification. Stripe's have about 30, PayPal's about 40."""

_WORD: Final = "a_word_of_tomorrow"

_ODD: Final = (
    *(b"", b"{}", b"[]", b"null", b"7", b'"text"', b"\xff", b"\x00", b"<html></html>"),
    *(b'{"id": "1", "type": "of.tomorrow"}', b'{"id": {}}', b'{"id": "\\ud800"}'),
)

# As large as the service accepts, and as nested as its parser has to bear.
_LARGE: Final = (b"[" * 1_000_000, b"9" * 1_000_000, b'{"id":' * 150_000, b" " * 1_000_000 + b"{}")


@pytest.mark.asyncio
class NotificationContract:
    """What an adapter with `notification_reader` promises."""

    async def test_a_notification_names_its_payment_and_says_what_a_look_up_says(
        self, harness: NotificationHarness
    ) -> None:
        payment, charged = await paid(harness)
        body = await harness.notification(payment)
        notification = await _read(harness, body, harness.signed(body))
        assert isinstance(notification, PaymentNotification)
        assert notification.payment_id == payment.id
        assert notification.outcome in (None, charged)

    async def test_a_repeated_notification_has_the_same_id(
        self, harness: NotificationHarness
    ) -> None:
        payment, _ = await paid(harness)
        body = await harness.notification(payment)
        first = await _read(harness, body, harness.signed(body))
        assert await _read(harness, body, harness.signed(body)) == first
        assert _reader(harness).read_verified(body) == first

    async def test_an_altered_notification_is_refused(self, harness: NotificationHarness) -> None:
        payment, _ = await paid(harness)
        body = await harness.notification(payment)
        headers = harness.signed(body)
        for place in range(len(body)):
            altered = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            await _is_refused(harness, altered, headers)
        for altered in (b"", body[:-1], body + b" "):
            await _is_refused(harness, altered, headers)

    async def test_a_notification_without_a_signature_is_refused(
        self, harness: NotificationHarness
    ) -> None:
        payment, _ = await paid(harness)
        body = await harness.notification(payment)
        for headers in ({}, dict.fromkeys(harness.signed(body), "")):
            await _is_refused(harness, body, headers)
        unsigned = 0
        for name in harness.signed(body):
            rest = {each: it for each, it in harness.signed(body).items() if each != name}
            unsigned += await _refuses(harness, body, rest)
        assert unsigned, "no header is needed"

    async def test_the_signature_of_another_notification_is_refused(
        self, harness: NotificationHarness
    ) -> None:
        bodies = [await harness.notification((await paid(harness))[0]) for _ in range(2)]
        await _is_refused(harness, bodies[0], harness.signed(bodies[1]))

    async def test_a_signed_notification_that_is_not_understood_says_nothing(
        self, harness: NotificationHarness
    ) -> None:
        for body in _ODD:
            await _says_nothing(harness, body)

    async def test_an_unknown_word_fails_no_payment(self, harness: NotificationHarness) -> None:
        payment, charged = await paid(harness)
        event = json.loads(await harness.notification(payment))
        for path in list(_texts(event)):
            body = json.dumps(_replaced(event, path)).encode()
            try:
                notification = await _read(harness, body, harness.signed(body))
            except InvalidNotification:
                continue
            if isinstance(notification, PaymentNotification):
                assert not isinstance(notification.outcome, Declined | Refused), path
                if isinstance(notification.outcome, Charged):
                    assert notification.outcome.amount == charged.amount, path

    async def test_a_large_notification_says_nothing_and_is_read_in_time(
        self, harness: NotificationHarness
    ) -> None:
        for body in _LARGE:
            await _says_nothing(harness, body)


def _reader(harness: NotificationHarness) -> NotificationReader:
    reader = reader_of(harness.gateway)
    assert reader is not None, "the adapter has no notification_reader"
    return reader


async def _read(
    harness: NotificationHarness, body: bytes, headers: Mapping[str, str]
) -> Notification:
    """Read, and check what must be true of every result."""
    async with asyncio.timeout(READ_SECONDS):
        notification = await _reader(harness).read(body, headers)
    assert isinstance(notification, Notification), f"`read` returned {notification!r}"
    assert 0 < len(notification.id) <= MAX_ID
    notification.id.encode()  # no half of a surrogate pair
    assert "\0" not in notification.id
    return notification


async def _says_nothing(harness: NotificationHarness, body: bytes) -> None:
    try:
        notification = await _read(harness, body, harness.signed(body))
    except InvalidNotification:
        return
    assert isinstance(notification, UnrelatedNotification | UnusableNotification), body[:50]


async def _refuses(harness: NotificationHarness, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        await _read(harness, body, headers)
    except InvalidNotification:
        return True
    return False


async def _is_refused(
    harness: NotificationHarness, body: bytes, headers: Mapping[str, str]
) -> None:
    assert await _refuses(harness, body, headers), f"{body[:50]!r} was accepted"


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every text in a document."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from _texts(inner, (*path, key))
        case list():
            for place, inner in enumerate(value):
                yield from _texts(inner, (*path, place))
        case str():
            yield path
        case _:
            return


def _replaced(event: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy of a document with another text at this path."""
    copy = json.loads(json.dumps(event))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = _WORD
    return copy
