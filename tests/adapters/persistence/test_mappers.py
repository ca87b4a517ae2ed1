"""Events to JSON and back; bills to rows and back are a promise of the unit of work."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.sql.mappers import (
    event_of,
    event_row,
    notification_from,
    notification_row,
)
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from domain.dispute import DisputeStatus
from domain.events import Event, PaymentCreated, PaymentDisputed, PaymentFailed, PaymentRefunded
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.refund import Refunded, RefundFailed, RefundPending
from tests.strategies import money

# What PostgreSQL can keep: no NUL and no half of a surrogate pair.
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))

moments = st.datetimes(
    timezones=st.integers(-14 * 60, 14 * 60).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    )
)

events = st.one_of(
    st.builds(
        PaymentCreated,
        payment_id=names.map(PaymentId),
        order_id=names.map(OrderId),
        charge_id=names.map(ChargeId),
        amount=money(),
        gateway=names,
        created_at=moments,
    ),
    st.builds(PaymentFailed, names.map(PaymentId), names.map(OrderId), names),
    st.builds(
        PaymentRefunded,
        payment_id=names.map(PaymentId),
        refund_id=names.map(RefundId),
        order_id=names.map(OrderId),
        charge_id=names.map(ChargeId),
        amount=money(),
        reason=names,
    ),
    st.builds(
        PaymentDisputed,
        payment_id=names.map(PaymentId),
        dispute_id=names.map(DisputeId),
        order_id=names.map(OrderId),
        charge_id=names.map(ChargeId),
        amount=money(),
        reason=names,
        status=st.sampled_from([status.value for status in DisputeStatus]),
    ),
)


amounts = money()
outcomes = st.one_of(
    st.builds(Refunded, names, amounts),
    st.builds(RefundPending, names),
    st.builds(RefundFailed, names, st.none() | names),
)

charge_notices = st.one_of(
    st.builds(ExternalRefundNotification, names, names.map(ChargeId), names, amounts, outcomes),
    st.builds(
        DisputeNotification,
        *(names, names.map(ChargeId), names.map(DisputeId), amounts, names),
        st.sampled_from(DisputeStatus),
    ),
)


@given(charge_notices, moments)
def test_a_kept_notice_comes_back_as_it_was(
    notification: ChargeNotification, since: datetime
) -> None:
    notification_id, charge_id, kind, data, kept_since = notification_row(notification, since)
    assert kept_since == since
    assert notification_from(notification_id, charge_id, kind, json.loads(data)) == notification


@given(events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    event_id, order_id, subject, data = event_row(event)
    assert (event_id, order_id, subject) == (event.id, event.order_id, event.subject)
    assert event_of(subject, json.loads(data)) == event


def test_an_event_of_nobody_we_know_is_refused() -> None:
    with pytest.raises(ValueError, match="order:created"):
        event_of("order:created", {})
