"""Hypothesis strategies: every input of the domain, and orders reached by legal steps only."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from attrs import evolve
from hypothesis import strategies as st

from domain.capture import CaptureMode
from domain.dispute import DisputeStatus
from domain.errors import DomainError
from domain.identifiers import ChargeId, DisputeId, OrderId, RefundId
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency, Money
from domain.order import Order
from domain.order_reviews import ReviewDecision
from domain.outcome import Charged, Evidence, NeverArrived
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import (
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    ReportedRefund,
)
from domain.replica import OrderReplica, OrderStatus
from tests.builders import (
    NOW,
    ORDER,
    OTHER_USER,
    PAYER,
    PRICE,
    a_payment,
    an_order,
    approved,
    authorized,
    cancelled_event,
    charged,
    created_event,
    declined,
    pending,
    requires_action,
    shipped_event,
    start_payment,
)

Step = Callable[[Order, datetime], Order]
"""One call of a method of an order; only the time is still missing."""


def currencies() -> st.SearchStrategy[Currency]:
    """Draw any currency."""
    return st.sampled_from(sorted(MINOR_UNITS)).map(Currency)


def money(currency: Currency | None = None) -> st.SearchStrategy[Money]:
    """Draw any amount, of this currency if one is given."""
    drawn = currencies() if currency is None else st.just(currency)
    return st.builds(Money, st.integers(0, MAX_MINOR_UNITS), drawn)


def prices() -> st.SearchStrategy[Decimal]:
    """Draw what a JSON number may contain; most of it is not a valid price."""
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
    """Draw any event about one order; two created events of one version are equal."""
    versions = st.integers(0, 3)
    return st.one_of(
        versions.map(lambda version: _created_event(order_id, version)),
        versions.map(lambda version: cancelled_event(order_id, version)),
        versions.map(lambda version: shipped_event(order_id, version, (None, 300)[version % 2])),
    )


def _created_event(order_id: OrderId, version: int) -> OrderReplica:
    return created_event(
        order_id,
        version,
        (PAYER, OTHER_USER)[version % 2],
        Money((500, 1999, 1999, 700)[version], PRICE.currency),
        (None, NOW, NOW + timedelta(hours=1), None)[version],
        OrderStatus.COMPLETE if version == 3 else OrderStatus.CREATED,
        CaptureMode.MANUAL if version in (0, 2) else None,
    )


def evidence(payment: Payment) -> st.SearchStrategy[Evidence]:
    """Draw evidence about a payment, from a gateway that charges what was requested.

    It may have captured a part of an authorization, as was requested, or by an operator there.
    """
    part = payment.requested_capture
    if part is None and payment.status is PaymentStatus.AUTHORIZED:
        part = Money(payment.amount.minor_units - 1, payment.amount.currency)
    captured = [] if part is None else [charged(payment.id, part, payment.livemode)]
    return st.sampled_from(
        [
            charged(payment.id, payment.amount, payment.livemode),
            authorized(payment.id, payment.amount, payment.livemode),
            declined(payment.id),
            requires_action(payment.id),
            pending(payment.id),
            pending(payment.id, cannot_be_cancelled=True),
            NeverArrived(),
            *captured,
        ]
    )


def wrong_charges(payment: Payment) -> st.SearchStrategy[Charged]:
    """Draw a charge of another amount, currency or mode than was requested."""
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
    """Draw what a gateway may report about a refund."""
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
    """Draw one call of a method of the order; the order may still refuse it."""
    kinds: list[Callable[[st.DrawFn, Order], Step]] = [_apply, _complete, _claim, _adopt]
    if order.payments:
        kinds += [
            _settle,
            _settle,
            _approve,
            _settle_wrongly,
            _charge_again,
            _request_cancellation,
            _request_capture,
            _fail_capture,
            _void,
            _decide_review,
            _reserve_refund,
        ]
    if any(payment.is_captured for payment in order.payments):
        kinds += [_record_refund, _record_dispute]
    if order.refunds:
        kinds += [_settle_refund, _settle_refund]
    return draw(st.sampled_from(kinds))(draw, order)


_EVENTS: Final = order_events()
_NUMBERS: Final = st.integers(0, 5)


def _apply(draw: st.DrawFn, _order: Order) -> Step:
    event = draw(_EVENTS)
    return lambda order, now: order.apply(event, now)


def _complete(_draw: st.DrawFn, _order: Order) -> Step:
    return lambda order, _now: order.complete()


def _claim(draw: st.DrawFn, _order: Order) -> Step:
    payment_id = f"payment-{draw(_NUMBERS)}"
    return lambda order, now: start_payment(order, payment_id, now)


def _settle(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    reported = draw(evidence(payment))
    return lambda order, now: order.settle(payment.id, reported, now)


def _approve(draw: st.DrawFn, order: Order) -> Step:
    """Draw an approval; if it is repeated, then at the same time: the decision depends on it."""
    payment, times = draw(st.sampled_from(order.payments)), list[datetime]()

    def step(order: Order, now: datetime) -> Order:
        times.append(now)
        return order.settle(payment.id, approved(payment.id), times[0])

    return step


def _settle_wrongly(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    reported = draw(wrong_charges(payment))
    return lambda order, now: order.settle(payment.id, reported, now)


def _charge_again(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    again = charged(f"{payment.id}-again-{draw(_NUMBERS)}", payment.amount, payment.livemode)
    return lambda order, now: order.settle(payment.id, again, now)


def _request_cancellation(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    return lambda order, now: order.request_cancellation(payment.id, now)


def _request_capture(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    minor_units = draw(st.none() | st.integers(0, payment.amount.minor_units + 1))
    return lambda order, now: order.request_capture(payment.id, minor_units, now)


def _fail_capture(draw: st.DrawFn, order: Order) -> Step:
    sent = draw(st.sampled_from(order.payments))
    return lambda order, now: order.fail_capture(sent, now)


def _void(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    return lambda order, now: order.void(payment.id, "voided", now)


def _decide_review(draw: st.DrawFn, order: Order) -> Step:
    payment = draw(st.sampled_from(order.payments))
    decision = draw(st.sampled_from(ReviewDecision))
    return lambda order, now: order.decide_review(payment.id, decision, now)


def _adopt(draw: st.DrawFn, order: Order) -> Step:
    lost = draw(lost_payments())
    reported = draw(evidence(lost) | wrong_charges(lost))
    return lambda order, now: order.adopt(lost, reported, now)


@st.composite
def lost_payments(draw: st.DrawFn) -> Payment:
    """Draw a payment as its labels describe it; an order may have it already."""
    price = draw(st.sampled_from([PRICE, Money(500, PRICE.currency)]))
    claimed_at = NOW + timedelta(seconds=draw(st.integers(-600, 600)))
    payment = a_payment(f"payment-{draw(_NUMBERS)}", amount=price, created_at=claimed_at)
    mode = draw(st.sampled_from(CaptureMode))
    return evolve(payment, user_id=draw(st.sampled_from([PAYER, OTHER_USER])), capture_mode=mode)


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


def _record_refund(draw: st.DrawFn, order: Order) -> Step:
    charge_id, amount = _part_of_a_charge(draw, order)
    if draw(st.integers(0, 3)) == 0:  # more than was captured, or in another currency
        wrong = [amount + amount + amount, Money(amount.minor_units, Currency("eur"))]
        amount = draw(st.sampled_from(wrong))
    reference = f"re_{charge_id}_{draw(_NUMBERS)}"
    outcomes: list[RefundOutcome] = [
        Refunded(reference, amount),
        RefundPending(reference),
        RefundFailed("expired_or_canceled_card", reference),
    ]
    outcome = draw(st.sampled_from(outcomes))
    labels = draw(st.sampled_from([_NO_LABELS, *_labels_of(charge_id, order)]))
    reported = ReportedRefund(reference, amount, outcome, *labels)
    return lambda order, now: order.record_refunds(charge_id, [reported], now)


_NO_LABELS: Final[tuple[RefundId | None, str | None]] = (None, None)


def _labels_of(charge_id: ChargeId, order: Order) -> list[tuple[RefundId, str]]:
    """Return labels that a refund of this charge may have: of refunds that are lost, or not."""
    payment = order.payment_of_charge(charge_id)
    ids = ["operators", *(f"{payment.id}-back-{number}" for number in range(3) if payment)]
    return [(RefundId(each), f"{each}:{number}") for number, each in enumerate(ids)]


def _record_dispute(draw: st.DrawFn, order: Order) -> Step:
    charge_id, amount = _part_of_a_charge(draw, order)
    dispute_id, status = DisputeId(f"dp_{charge_id}"), draw(st.sampled_from(DisputeStatus))
    return lambda order, _now: order.record_dispute(dispute_id, charge_id, amount, "fraud", status)


@st.composite
def orders(draw: st.DrawFn, max_steps: int = 12) -> Order:
    """Draw an order reached by legal steps only."""
    order, now = an_order(replica=draw(order_events())), NOW
    for _ in range(draw(st.integers(0, max_steps))):
        step = draw(steps(order))
        now += timedelta(seconds=draw(st.integers(0, 600)))
        try:
            order = step(order, now)
        except DomainError:
            continue
    return order
