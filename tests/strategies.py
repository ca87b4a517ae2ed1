"""Hypothesis strategies: whatever the domain may meet, and bills reached by legal steps only."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from domain.dispute import DisputeStatus
from domain.errors import DomainError
from domain.identifiers import ChargeId, DisputeId, OrderId, RefundId
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency, Money
from domain.order import Order
from domain.outcome import Charged, Evidence, NeverArrived
from domain.payment import Payment
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending
from domain.replica import OrderReplica, OrderStatus
from tests.builders import (
    NOW,
    ORDER,
    PAYER,
    PRICE,
    STRANGER,
    a_bill,
    begin,
    cancelled_event,
    charged,
    created_event,
    declined,
    requires_action,
)

Step = Callable[[Order, datetime], Order]
"""A transition of a bill, with everything but the moment filled in."""


def currencies() -> st.SearchStrategy[Currency]:
    """Every currency there is."""
    return st.sampled_from(sorted(MINOR_UNITS)).map(Currency)


def money(currency: Currency | None = None) -> st.SearchStrategy[Money]:
    """Any amount, of any currency or of this one."""
    of = currencies() if currency is None else st.just(currency)
    return st.builds(Money, st.integers(0, MAX_MINOR_UNITS), of)


def prices() -> st.SearchStrategy[Decimal]:
    """Whatever a JSON number may turn out to be, most of it no price at all."""
    return st.one_of(
        st.decimals(allow_nan=True, allow_infinity=True),
        st.builds(
            lambda digits, exponent: Decimal(digits).scaleb(exponent),
            st.integers(-(10**18), 10**18),
            st.integers(-30, 30),
        ),
        st.sampled_from(["1e999999", "1e-999999", "0e999999", "-0", "sNaN", "10.000"]).map(Decimal),
    )


def order_events(order_id: OrderId = ORDER) -> st.SearchStrategy[OrderReplica]:
    """Anything the orders service may say of one order; two events of one version say the same."""
    versions = st.integers(0, 3)
    return versions.map(lambda version: _created_in(order_id, version)) | versions.map(
        lambda version: cancelled_event(order_id, version)
    )


def _created_in(order_id: OrderId, version: int) -> OrderReplica:
    return created_event(
        order_id,
        version,
        (PAYER, STRANGER)[version % 2],
        Money((500, 1999, 1999, 700)[version], PRICE.currency),
        (None, NOW, NOW + timedelta(hours=1), None)[version],
        OrderStatus.COMPLETE if version == 3 else OrderStatus.CREATED,
    )


def evidence(payment: Payment) -> st.SearchStrategy[Evidence]:
    """What a gateway that does what it is asked may report of a payment, and recovery conclude."""
    return st.sampled_from(
        [
            charged(payment.id, payment.amount, payment.livemode),
            declined(payment.id),
            requires_action(payment.id),
            NeverArrived(),
        ]
    )


def wrong_charges(payment: Payment) -> st.SearchStrategy[Charged]:
    """A charge of another amount, currency or live mode than was asked for."""
    amount, charge_id = payment.amount, ChargeId(f"ch_{payment.id}")
    other = Currency("jpy" if amount.currency.code != "jpy" else "eur")
    return st.sampled_from(
        [
            Charged(charge_id, Money(amount.minor_units + 1, amount.currency), payment.livemode),
            Charged(charge_id, Money(amount.minor_units, other), payment.livemode),
            Charged(charge_id, amount, not payment.livemode),
        ]
    )


def refund_outcomes(refund_id: RefundId, amount: Money) -> st.SearchStrategy[RefundOutcome]:
    """What a gateway may report of a refund."""
    reference = f"re_{refund_id}"
    less = Money(amount.minor_units // 2, amount.currency)
    return st.sampled_from(
        [
            Refunded(reference, amount),
            Refunded(reference, less),
            RefundPending(reference),
            RefundFailed("expired_or_canceled_card", reference),
            RefundFailed("charge_disputed"),
        ]
    )


@st.composite
def steps(draw: st.DrawFn, order: Order) -> Step:
    """One transition that the bill may be asked for; the rules may still refuse it."""
    kinds: list[Callable[[st.DrawFn, Order], Step]] = [_hear, _complete, _claim]
    if order.payments:
        kinds += [_settle, _settle, _settle_wrongly, _reserve_refund]
    if any(payment.charge_id is not None for payment in order.payments):
        kinds += [_refund_by_another_hand, _dispute]
    if order.refunds:
        kinds += [_settle_refund, _settle_refund]
    return draw(st.sampled_from(kinds))(draw, order)


_EVENTS: Final = order_events()
_NUMBERS: Final = st.integers(0, 5)


def _hear(draw: st.DrawFn, _bill: Order) -> Step:
    event = draw(_EVENTS)
    return lambda order, now: order.apply(event, now)


def _complete(_draw: st.DrawFn, _bill: Order) -> Step:
    return lambda order, _now: order.complete()


def _claim(draw: st.DrawFn, _bill: Order) -> Step:
    payment_id = f"payment-{draw(_NUMBERS)}"
    return lambda order, now: begin(order, payment_id, now)


def _settle(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    said = draw(evidence(payment))
    return lambda order, now: order.settle(payment.id, said, now)


def _settle_wrongly(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    said = draw(wrong_charges(payment))
    return lambda order, now: order.settle(payment.id, said, now)


def _reserve_refund(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    refund_id = RefundId(f"refund-{draw(_NUMBERS)}")
    minor_units = draw(st.none() | st.integers(-1, payment.amount.minor_units + 1))
    return lambda order, now: order.reserve_refund(
        refund_id, payment.id, minor_units, "requested", now
    )


def _settle_refund(draw: st.DrawFn, order: Order) -> Step:
    refund = draw(st.sampled_from(order.refunds))
    outcome = draw(refund_outcomes(refund.id, refund.amount))
    return lambda order, now: order.settle_refund(refund.id, outcome, now)


def _part_of_a_charge(draw: st.DrawFn, order: Order) -> tuple[ChargeId, Money]:
    charges = [
        (each.charge_id, each.captured_amount)
        for each in order.payments
        if each.charge_id and each.captured_amount
    ]
    charge_id, amount = draw(st.sampled_from(charges))
    return charge_id, Money(draw(st.integers(1, amount.minor_units)), amount.currency)


def _refund_by_another_hand(draw: st.DrawFn, order: Order) -> Step:
    charge_id, amount = _part_of_a_charge(draw, order)
    reference = f"re_{charge_id}_{draw(_NUMBERS)}"
    outcomes: list[RefundOutcome] = [
        Refunded(reference, amount),
        RefundPending(reference),
        RefundFailed("expired_or_canceled_card", reference),
    ]
    outcome = draw(st.sampled_from(outcomes))
    return lambda order, now: order.record_refund(charge_id, reference, amount, outcome, now)


def _dispute(draw: st.DrawFn, order: Order) -> Step:
    charge_id, amount = _part_of_a_charge(draw, order)
    dispute_id, status = DisputeId(f"dp_{charge_id}"), draw(st.sampled_from(DisputeStatus))
    return lambda order, _now: order.record_dispute(dispute_id, charge_id, amount, "fraud", status)


@st.composite
def orders(draw: st.DrawFn, most_steps: int = 12) -> Order:
    """A bill reached by legal transitions only."""
    order, now = a_bill(order=draw(order_events())), NOW
    for _ in range(draw(st.integers(0, most_steps))):
        step = draw(steps(order))
        now += timedelta(seconds=draw(st.integers(0, 600)))
        try:
            order = step(order, now)
        except DomainError:
            continue
    return order
