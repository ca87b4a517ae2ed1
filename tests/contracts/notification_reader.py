"""The promises of a notification reader."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

import pytest
from attrs import asdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports.gateway_notifications import (
    InvalidNotification,
    Notification,
    NotificationReader,
    PaymentNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from domain.identifiers import PaymentId
from tests.builders import PAYMENT

MAX_ID, MAX_STORED = 255, 500
HOSTILE = ["\0", "a\0b", "\ud800", "\udfff x", "x" * 10_000, "9" * 5_000, 10**30, -1, 1.5]

SOON, LONG = timedelta(seconds=60), timedelta(days=30)
"""Within and beyond any useful tolerance."""

# The same test runs for several readers: a counterexample of one is tried on all.
_for_each_reader = settings(
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow]
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class NotificationHarness(Protocol):
    """A reader, and a gateway that signs notifications."""

    @property
    def reader(self) -> NotificationReader:
        """The reader."""

    def charged(self, payment_id: PaymentId) -> bytes:
        """The body of a notification that a payment was charged."""

    def unrelated(self) -> bytes:
        """The body of a notification about something that is not ours."""

    def sign(self, body: bytes, *, later: timedelta = timedelta()) -> str:
        """The gateway's signature, with a time relative to now."""

    def forge(self, body: bytes) -> str:
        """A signature that is correct except for its secret."""

    def headers(self, signature: str) -> Mapping[str, str]:
        """The headers of a request with this signature."""


class NotificationReaderContract:
    """The promises of application/ports/gateway_notifications.py, NotificationReader."""

    harness: NotificationHarness
    """The harness of all tests of a subclass."""

    def test_a_signed_notification_is_translated_and_keeps_its_id_when_repeated(self) -> None:
        body = self.harness.charged(PAYMENT)
        first = self._read(body, self.harness.sign(body))
        assert isinstance(first, PaymentNotification)
        assert first.payment_id == PAYMENT
        assert first.id
        assert self._read(body, self.harness.sign(body, later=SOON)) == first

    @pytest.mark.parametrize("later", [SOON, -SOON, timedelta()])
    def test_an_unrelated_notification_has_only_an_id(self, later: timedelta) -> None:
        body = self.harness.unrelated()
        notification = self._read(body, self.harness.sign(body, later=later))
        assert isinstance(notification, UnrelatedNotification)
        assert notification.id

    @pytest.mark.parametrize("later", [LONG, -LONG])
    def test_a_notification_of_another_time_is_refused(self, later: timedelta) -> None:
        body = self.harness.unrelated()
        self._assert_refused(body, self.harness.sign(body, later=later))

    def test_a_forged_notification_is_refused(self) -> None:
        body = self.harness.charged(PAYMENT)
        self._assert_refused(body, self.harness.forge(body))

    @_for_each_reader
    @given(st.data())
    def test_a_notification_with_one_changed_byte_is_refused(self, data: st.DataObject) -> None:
        body = self.harness.charged(PAYMENT)
        place = data.draw(st.integers(0, len(body) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda it: it != body[place]))
        changed = body[:place] + bytes([byte]) + body[place + 1 :]
        self._assert_refused(changed, self.harness.sign(body))

    @_for_each_reader
    @given(st.binary(), st.text())
    def test_any_bytes_with_any_signature_are_refused(self, body: bytes, signature: str) -> None:
        self._assert_refused(body, signature)

    @_for_each_reader
    @given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
    def test_any_signed_bytes_are_translated_unrelated_or_unusable(self, body: bytes) -> None:
        notification = self._read(body, self.harness.sign(body))
        assert 0 < len(notification.id) <= MAX_ID
        assert self.harness.reader.read_verified(body) == notification

    @pytest.mark.parametrize(
        "body", [b"[" * 100_000, b"9" * 100_000, b'{"id":' * 50_000, b'{"id": "1", "x": "\xff"}']
    )
    def test_signed_json_that_is_huge_or_not_utf_8_is_unusable(self, body: bytes) -> None:
        notification = self._read(body, self.harness.sign(body))
        assert isinstance(notification, UnusableNotification)

    @_for_each_reader
    @given(st.data())
    def test_a_signed_notification_with_any_wrong_value_can_be_stored_or_kept(
        self, data: st.DataObject
    ) -> None:
        event = json.loads(self.harness.charged(PAYMENT))
        place = data.draw(st.sampled_from(list(_places(event))))
        _replace(event, place, data.draw(json_values | st.sampled_from(HOSTILE)))
        body = json.dumps(event).encode()
        notification = self._read(body, self.harness.sign(body))
        for text in _texts(asdict(notification)):
            assert len(text) <= MAX_STORED
            text.encode()  # no half of a surrogate pair
            assert "\0" not in text

    def _assert_refused(self, body: bytes, signature: str) -> None:
        with pytest.raises(InvalidNotification):
            self._read(body, signature)

    def _read(self, body: bytes, signature: str) -> Notification:
        headers = self.harness.headers(signature)
        return asyncio.run(self.harness.reader.read(body, headers))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a document."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _replace(value: Any, path: tuple[Any, ...], new: object) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case _:
            return
