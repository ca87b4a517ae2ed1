"""What every reader of a gateway's notices promises."""

import json
from datetime import timedelta
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.gateway_notifications import (
    InvalidNotification,
    NotificationReader,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
)
from domain.identifiers import PaymentId

SOON = timedelta(seconds=60)
LONG = timedelta(days=1)
"""Within and beyond any sensible tolerance."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class NoticesHarness(Protocol):
    """A reader, and somebody who signs as the gateway does."""

    @property
    def notifications(self) -> NotificationReader:
        """The reader."""

    def charged(self, payment_id: PaymentId) -> bytes:
        """The body of a notice that a payment was charged."""

    def unrelated(self) -> bytes:
        """The body of a notice about something that is not ours."""

    def sign(self, body: bytes, *, later: timedelta = timedelta()) -> str:
        """The gateway's signature, made so much later than now."""

    def sign_as_stranger(self, body: bytes) -> str:
        """A signature of somebody else, right in everything but the secret."""


class GatewayNoticesContract:
    """A subclass gives a harness; it must not change from test to test."""

    harness: NoticesHarness

    def test_a_genuine_notice_says_what_happened(self) -> None:
        body = self.harness.charged(PaymentId("payment-1"))
        notification = self.harness.notifications.read(body, self.harness.sign(body))
        assert isinstance(notification, PaymentNotification)
        assert notification.payment_id == "payment-1"
        assert notification.id

    def test_a_notice_sent_again_has_the_same_id(self) -> None:
        body = self.harness.charged(PaymentId("payment-1"))
        first = self.harness.notifications.read(body, self.harness.sign(body))
        again = self.harness.notifications.read(body, self.harness.sign(body, later=SOON))
        assert again == first

    def test_what_is_not_ours_says_nothing_but_its_id(self) -> None:
        body = self.harness.unrelated()
        assert isinstance(
            self.harness.notifications.read(body, self.harness.sign(body)), UnrelatedNotification
        )

    @pytest.mark.parametrize("later", [SOON, -SOON])
    def test_clocks_may_differ_a_little(self, later: timedelta) -> None:
        body = self.harness.unrelated()
        assert self.harness.notifications.read(body, self.harness.sign(body, later=later)).id

    @pytest.mark.parametrize("later", [LONG, -LONG])
    def test_a_notice_of_another_time_is_refused(self, later: timedelta) -> None:
        body = self.harness.unrelated()
        with pytest.raises(InvalidNotification):
            self.harness.notifications.read(body, self.harness.sign(body, later=later))

    def test_a_stranger_s_notice_is_refused(self) -> None:
        body = self.harness.charged(PaymentId("payment-1"))
        with pytest.raises(InvalidNotification):
            self.harness.notifications.read(body, self.harness.sign_as_stranger(body))

    @given(st.data())
    def test_a_notice_with_one_byte_changed_is_refused(self, data: st.DataObject) -> None:
        body = self.harness.charged(PaymentId("payment-1"))
        place = data.draw(st.integers(0, len(body) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda it: it != body[place]))
        changed = body[:place] + bytes([byte]) + body[place + 1 :]
        with pytest.raises(InvalidNotification):
            self.harness.notifications.read(changed, self.harness.sign(body))

    @given(st.binary(), st.text())
    def test_any_bytes_under_any_signature_are_refused(self, body: bytes, signature: str) -> None:
        with pytest.raises(InvalidNotification):
            self.harness.notifications.read(body, signature)

    @given(st.binary())
    def test_any_signed_bytes_raise_nothing_else(self, body: bytes) -> None:
        self._read_or_refuse(body)

    @given(json_values)
    def test_any_signed_json_raises_nothing_else(self, value: object) -> None:
        self._read_or_refuse(json.dumps(value).encode())

    @pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 100_000, b'{"id":' * 50_000])
    def test_signed_json_beyond_all_bounds_is_refused(self, body: bytes) -> None:
        with pytest.raises(InvalidNotification):
            self.harness.notifications.read(body, self.harness.sign(body))

    def _read_or_refuse(self, body: bytes) -> None:
        try:
            notification = self.harness.notifications.read(body, self.harness.sign(body))
        except InvalidNotification:
            return
        assert isinstance(
            notification, PaymentNotification | RefundNotification | UnrelatedNotification
        )
