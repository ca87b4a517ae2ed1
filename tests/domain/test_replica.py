"""The replica of an order does not depend on how its events were delivered."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.pseudonym import pseudonym
from domain.replica import OrderReplica, OrderStatus
from tests.builders import (
    NOW,
    OTHER_USER,
    after,
    cancelled_event,
    created_event,
    dollars,
    shipped_event,
)
from tests.strategies import order_events

histories = st.lists(order_events(), min_size=1, max_size=6)


def merged(events: list[OrderReplica]) -> OrderReplica:
    """Return the replica after these events, in this order."""
    return reduce(OrderReplica.merge, events)


@given(histories, st.data())
def test_any_permutation_with_duplicates_gives_the_same_replica(
    events: list[OrderReplica], data: st.DataObject
) -> None:
    duplicates = data.draw(st.lists(st.sampled_from(events), max_size=4))
    delivered = data.draw(st.permutations(events + duplicates))
    assert merged(delivered) == merged(events)


@given(order_events(), order_events(), order_events())
def test_merging_is_commutative_associative_and_idempotent(
    one: OrderReplica, two: OrderReplica, three: OrderReplica
) -> None:
    assert one.merge(two) == two.merge(one)
    assert one.merge(two).merge(three) == one.merge(two.merge(three))
    assert one.merge(one) == one
    assert one.merge(two).merge(two) == one.merge(two)


@given(histories)
def test_a_cancellation_is_final(events: list[OrderReplica]) -> None:
    replica = reduce(OrderReplica.merge, events, cancelled_event(version=0))
    assert replica.is_cancelled
    assert replica.complete().is_cancelled


@given(histories)
def test_the_newest_version_wins(events: list[OrderReplica]) -> None:
    replica = merged(events)
    terms = [event.terms for event in events if event.terms]
    shipments = [event.shipment for event in events if event.shipment]
    # As a whole: nothing of an older one is left, such as an expiry.
    assert replica.terms == max(terms, key=lambda each: each.version, default=None)
    assert replica.shipment == max(shipments, key=lambda each: each.version, default=None)
    assert replica.version == max(event.version for event in events)


@given(histories, st.data())
def test_no_event_in_any_order_brings_back_a_user_who_was_forgotten(
    events: list[OrderReplica], data: st.DataObject
) -> None:
    forgotten = created_event(user_id=pseudonym("0" * 32))
    delivered = data.draw(st.permutations([*events, forgotten]))
    replica = merged(delivered)
    assert replica.terms is not None
    assert replica.terms.user_id == pseudonym("0" * 32)


def test_an_event_that_contradicts_one_of_the_same_version_changes_nothing() -> None:
    first = created_event(price=dollars("10"))
    assert first.merge(created_event(price=dollars("99"))) == first
    assert first.merge(created_event(user_id=OTHER_USER)) == first
    shipped = shipped_event(minor_units=300)
    assert shipped.merge(shipped_event(minor_units=400)) == shipped


def test_a_complete_order_can_be_cancelled_and_never_becomes_created_again() -> None:
    complete = created_event().complete()
    assert complete.status is OrderStatus.COMPLETE
    assert complete.complete() == complete
    assert complete.merge(cancelled_event()).is_cancelled
    assert complete.merge(created_event(version=5)).status is OrderStatus.COMPLETE


@pytest.mark.parametrize(
    ("seconds", "expired"), [(-1, True), (0, True), (1, False), (86_400, False)]
)
def test_an_order_is_expired_from_its_expiry_on(seconds: int, expired: bool) -> None:
    assert created_event(expires_at=after(seconds=seconds)).is_expired(NOW) is expired


def test_an_order_without_a_known_expiry_never_expires() -> None:
    assert not created_event().is_expired(after(days=36_500))
    assert not cancelled_event().is_expired(NOW)
