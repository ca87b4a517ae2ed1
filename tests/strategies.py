"""Hypothesis strategies: whatever the domain may meet, and bills reached by legal steps only."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from domain.bill import Bill
from domain.dispute import DisputeId, DisputeStatus
from domain.errors import DomainError
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency, Money
from domain.order import Order, OrderId, OrderStatus
from domain.payment import Charged, ChargeId, Evidence, NeverArrived, Payment
from domain.refund import Refunded, RefundId, RefundOutcome, RefundRefused, RefundUnderWay
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

Step = Callable[[Bill, datetime], Bill]
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


def order_events(order_id: OrderId = ORDER) -> st.SearchStrategy[Order]:
    """Anything the orders service may say of one order; two events of one version say the same."""
    versions = st.integers(0, 3)
    return versions.map(lambda version: _created_in(order_id, version)) | versions.map(
        lambda version: cancelled_event(order_id, version)
    )


def _created_in(order_id: OrderId, version: int) -> Order:
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
            Charged(charge_id, Money(amount.minor + 1, amount.currency), payment.livemode),
            Charged(charge_id, Money(amount.minor, other), payment.livemode),
            Charged(charge_id, amount, not payment.livemode),
        ]
    )


def refund_outcomes(refund_id: RefundId, amount: Money) -> st.SearchStrategy[RefundOutcome]:
    """What a gateway may report of a refund."""
    reference = f"re_{refund_id}"
    less = Money(amount.minor // 2, amount.currency)
    return st.sampled_from(
        [
            Refunded(reference, amount),
            Refunded(reference, less),
            RefundUnderWay(reference),
            RefundRefused("expired_or_canceled_card", reference),
            RefundRefused("charge_disputed"),
        ]
    )


@st.composite
def steps(draw: st.DrawFn, bill: Bill) -> Step:
    """One transition that the bill may be asked for; the rules may still refuse it."""
    kinds: list[Callable[[st.DrawFn, Bill], Step]] = [_hear, _complete, _claim]
    if bill.payments:
        kinds += [_settle, _settle, _settle_wrongly, _reserve_refund]
    if any(payment.charge_id is not None for payment in bill.payments):
        kinds += [_refund_by_another_hand, _dispute]
    if bill.refunds:
        kinds += [_settle_refund, _settle_refund]
    return draw(st.sampled_from(kinds))(draw, bill)


_EVENTS: Final = order_events()
_NUMBERS: Final = st.integers(0, 5)


def _hear(draw: st.DrawFn, _bill: Bill) -> Step:
    event = draw(_EVENTS)
    return lambda bill, now: bill.hear(event, now)


def _complete(_draw: st.DrawFn, _bill: Bill) -> Step:
    return lambda bill, _now: bill.complete()


def _claim(draw: st.DrawFn, _bill: Bill) -> Step:
    payment_id = f"payment-{draw(_NUMBERS)}"
    return lambda bill, now: begin(bill, payment_id, now)


def _settle(draw: st.DrawFn, bill: Bill) -> Step:
    payment = draw(st.sampled_from(bill.payments))
    said = draw(evidence(payment))
    return lambda bill, now: bill.settle(payment.id, said, now)


def _settle_wrongly(draw: st.DrawFn, bill: Bill) -> Step:
    payment = draw(st.sampled_from(bill.payments))
    said = draw(wrong_charges(payment))
    return lambda bill, now: bill.settle(payment.id, said, now)


def _reserve_refund(draw: st.DrawFn, bill: Bill) -> Step:
    payment = draw(st.sampled_from(bill.payments))
    refund_id = RefundId(f"refund-{draw(_NUMBERS)}")
    minor = draw(st.none() | st.integers(-1, payment.amount.minor + 1))
    return lambda bill, now: bill.reserve_refund(refund_id, payment.id, minor, "requested", now)


def _settle_refund(draw: st.DrawFn, bill: Bill) -> Step:
    refund = draw(st.sampled_from(bill.refunds))
    outcome = draw(refund_outcomes(refund.id, refund.amount))
    return lambda bill, now: bill.settle_refund(refund.id, outcome, now)


def _part_of_a_charge(draw: st.DrawFn, bill: Bill) -> tuple[ChargeId, Money]:
    charges = [
        (each.charge_id, each.taken) for each in bill.payments if each.charge_id and each.taken
    ]
    charge_id, amount = draw(st.sampled_from(charges))
    return charge_id, Money(draw(st.integers(1, amount.minor)), amount.currency)


def _refund_by_another_hand(draw: st.DrawFn, bill: Bill) -> Step:
    charge_id, amount = _part_of_a_charge(draw, bill)
    reference = f"re_{charge_id}_{draw(_NUMBERS)}"
    outcomes: list[RefundOutcome] = [
        Refunded(reference, amount),
        RefundUnderWay(reference),
        RefundRefused("expired_or_canceled_card", reference),
    ]
    outcome = draw(st.sampled_from(outcomes))
    return lambda bill, now: bill.hear_refund(charge_id, reference, amount, outcome, now)


def _dispute(draw: st.DrawFn, bill: Bill) -> Step:
    charge_id, amount = _part_of_a_charge(draw, bill)
    dispute_id, status = DisputeId(f"dp_{charge_id}"), draw(st.sampled_from(DisputeStatus))
    return lambda bill, _now: bill.hear_dispute(dispute_id, charge_id, amount, "fraud", status)


@st.composite
def bills(draw: st.DrawFn, most_steps: int = 12) -> Bill:
    """A bill reached by legal transitions only."""
    bill, now = a_bill(order=draw(order_events())), NOW
    for _ in range(draw(st.integers(0, most_steps))):
        step = draw(steps(bill))
        now += timedelta(seconds=draw(st.integers(0, 600)))
        try:
            bill = step(bill, now)
        except DomainError:
            continue
    return bill
