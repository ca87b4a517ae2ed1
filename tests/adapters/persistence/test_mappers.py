"""Events and notifications to JSON and back; the contract of the unit of work covers orders."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.sql.mappers.events import event_from, event_row
from adapters.persistence.sql.mappers.notifications import notification_from, notification_row
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from domain.dispute import DisputeStatus
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentDisputed,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from domain.refund import Refunded, RefundFailed, RefundPending, ReportedRefund
from tests.strategies import money

# What PostgreSQL can store: no NUL and no surrogate.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes))
moments = st.datetimes(timezones=offsets.map(timezone))
amounts = money()

events = st.one_of(
    st.builds(PaymentCreated, texts, texts, texts, amounts, texts, moments),
    st.builds(PaymentPending, texts, texts, amounts, texts),
    st.builds(PaymentAuthorized, texts, texts, texts, amounts, texts, moments),
    st.builds(PaymentVoided, texts, texts, amounts, texts),
    st.builds(PaymentExpiring, texts, texts, moments),
    st.builds(PaymentFailed, texts, texts, texts),
    st.builds(PaymentRefunded, texts, texts, texts, texts, amounts, texts),
    st.builds(PaymentRefundFailed, texts, texts, texts, texts, amounts, texts),
    st.builds(
        PaymentDisputed,
        *(texts, texts, texts, texts, amounts, texts),
        st.sampled_from([status.value for status in DisputeStatus]),
        st.none() | moments,
    ),
)

outcomes = st.one_of(
    st.builds(Refunded, texts, amounts),
    st.builds(RefundPending, texts),
    st.builds(RefundFailed, texts, st.none() | texts),
)

labels = st.none() | texts
reported = st.builds(ReportedRefund, texts, amounts, outcomes, labels, labels, labels)

notifications = st.one_of(
    st.builds(ExternalRefundNotification, texts, texts, reported),
    st.builds(
        DisputeNotification,
        *(texts, texts, texts, amounts, texts),
        st.sampled_from(DisputeStatus),
        due_by=st.none() | moments,
    ),
)


@given(notifications, moments)
def test_a_notification_is_read_as_it_was_written(
    notification: ChargeNotification, since: datetime
) -> None:
    notification_id, charge_id, kind, data, deferred_at = notification_row(notification, since)
    assert deferred_at == since
    assert notification_from(notification_id, charge_id, kind, json.loads(data)) == notification


@given(events)
def test_an_event_is_read_as_it_was_written(event: Event) -> None:
    event_id, order_id, subject, data = event_row(event)
    assert (event_id, order_id, subject) == (event.id, event.order_id, event.subject)
    assert event_from(subject, json.loads(data)) == event


def test_an_unknown_event_is_an_error() -> None:
    with pytest.raises(ValueError, match="order:created"):
        event_from("order:created", {})
