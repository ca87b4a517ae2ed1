"""ReconcileCharges: each charge of a gateway beside each state that our books may have."""

from datetime import timedelta

import pytest
from attrs import evolve

from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import (
    PaymentNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from application.ports.gateway_records import FailedCharge
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.compare_books import MARGIN
from domain.identifiers import ChargeId
from domain.money import Currency, Money
from domain.outcome import Authorized, Charged, Declined, Pending
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from domain.second_charge import CHARGED_TWICE, second_charge_id
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    UNTIL,
    a_payment,
    a_refund,
    an_order,
    cancelled_event,
    created_event,
    dollars,
)
from tests.checkpoints import FailAt
from tests.use_cases.comparing import OLD, Comparison, a_difference, aged

K, S = DifferenceKind, PaymentStatus
YOUNG = OLD - timedelta(microseconds=1)
SAME, OTHER = ChargeId(f"ch_{PAYMENT}"), ChargeId("ch_other")
LESS, EUROS = dollars("60"), Money(10000, Currency("eur"))
CLAIMED = a_payment()


def charged(
    charge_id: ChargeId = SAME, amount: Money = PRICE, refunded: Money | None = None
) -> ListedCharge:
    none = Money(0, amount.currency)
    return ListedCharge(CLAIMED, Charged(charge_id, amount, livemode=False), refunded or none)


AUTHORIZED = ListedCharge(
    CLAIMED, Authorized(SAME, PRICE, livemode=False, until=UNTIL), dollars("0")
)
HELD_LESS = evolve(AUTHORIZED, outcome=Authorized(SAME, LESS, livemode=False, until=UNTIL))
PENDING = ListedCharge(CLAIMED, Pending("pi_1"), dollars("0"))
FAILED = FailedCharge(CLAIMED, SAME, Declined("expired"))

ALL = frozenset(S)
OPEN = {S.PROCESSING, S.REQUIRES_ACTION, S.PENDING}
CAPTURED = {S.SUCCEEDED, S.REVERSED, S.REVIEW}
ENDED = {S.FAILED, S.CANCELLED, S.ABANDONED}
LOST = (K.LOST_CHARGE, "10000 usd")


def expected(
    record: ListedCharge | FailedCharge, status: PaymentStatus, age: timedelta
) -> tuple[DifferenceKind, str] | None:
    """Return the kind of difference and what the gateway says, as docs/recovery.md does."""
    if isinstance(record, FailedCharge):
        is_late = status is S.PENDING and age >= OLD
        return (K.LATE_FAILURE, "failed: expired") if status in CAPTURED or is_late else None
    if isinstance(record.outcome, Pending):
        return LOST if status is S.ABANDONED else None
    if isinstance(record.outcome, Authorized):
        if status in CAPTURED:
            return K.AMOUNT, "only authorized"
        return LOST if status in ENDED else None
    if status in OPEN:
        return LOST if age >= OLD else None
    return None if status in CAPTURED else LOST


@pytest.mark.parametrize("age", [YOUNG, OLD])
@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize(
    "record", [charged(), AUTHORIZED, PENDING, FAILED], ids=["charged", "held", "pending", "failed"]
)
async def test_a_charge_beside_a_payment_in_each_state(
    record: ListedCharge | FailedCharge, status: PaymentStatus, age: timedelta
) -> None:
    payment = aged(a_payment(status=status), age)
    comparison = Comparison()
    await comparison.store(an_order(payment))
    await comparison.use_cases.reconcile.charges(comparison.part, [record])
    found = expected(record, status, age)
    if found is None:
        assert comparison.found == []
        return
    kind, theirs = found
    ours = "10000 usd" if kind is K.AMOUNT else status.value
    about = record.payment if kind is K.LOST_CHARGE else payment
    charge_id = getattr(getattr(record, "outcome", None), "charge_id", None)
    subject = str(charge_id or PAYMENT) if kind is K.LOST_CHARGE else PAYMENT
    difference = a_difference(kind, about, ours, theirs, subject)
    if kind is K.LOST_CHARGE:
        difference = evolve(difference, charge_id=charge_id)
    if kind is K.LATE_FAILURE:
        difference = evolve(difference, charge_id=SAME)
    assert comparison.found == comparison.stored == [difference]


@pytest.mark.parametrize(
    ("record", "theirs"),
    [(charged(amount=LESS), "6000 usd"), (HELD_LESS, "6000 usd"), (PENDING, "10000 usd")],
)
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_charge_without_a_payment_is_lost(
    record: ListedCharge, theirs: str, is_known: bool
) -> None:
    comparison = Comparison()
    if is_known:
        await comparison.store(an_order())
    await comparison.use_cases.reconcile.charges(comparison.part, [record, FAILED])
    [found] = comparison.found
    assert (found.kind, found.ours, found.theirs) == (K.LOST_CHARGE, "no payment", theirs)
    assert comparison.part.counts == {"compared": 2, "foreign": 0}
    assert comparison.part.seen == {PAYMENT}


@pytest.mark.parametrize(
    ("amount", "kind", "theirs"),
    [(LESS, K.AMOUNT, "6000 usd"), (EUROS, K.CURRENCY, "10000 eur"), (PRICE, None, "")],
)
@pytest.mark.parametrize("repair", [False, True])
async def test_another_amount_is_for_a_person(
    amount: Money, kind: DifferenceKind | None, theirs: str, repair: bool
) -> None:
    comparison = Comparison(repair=repair)
    payment = a_payment(status=S.SUCCEEDED)
    await comparison.store(an_order(payment))
    await comparison.use_cases.reconcile.charges(comparison.part, [charged(amount=amount)])
    reason = "for a person: no money is moved" if repair else None
    found = [] if kind is None else [a_difference(kind, payment, "10000 usd", theirs)]
    assert comparison.found == [evolve(each, reason=reason) for each in found]


async def test_another_charge_of_a_captured_payment_is_lost_and_its_failure_is_nothing() -> None:
    comparison = Comparison()
    await comparison.store(an_order(aged(a_payment(status=S.SUCCEEDED), OLD)))
    other = evolve(FAILED, charge_id=OTHER)
    await comparison.use_cases.reconcile.charges(comparison.part, [charged(OTHER), other])
    assert [(each.kind, each.subject) for each in comparison.found] == [(K.LOST_CHARGE, OTHER)]


async def test_a_second_charge_that_is_recorded_is_compared_with_its_own_record() -> None:
    comparison = Comparison()
    second = a_payment(second_charge_id(CLAIMED.id, OTHER), S.REVERSED, charge_id=OTHER)
    second = evolve(second, code=CHARGED_TWICE)
    await comparison.store(an_order(a_payment(status=S.SUCCEEDED), second))
    records = [charged(), charged(OTHER), charged(OTHER, LESS)]
    await comparison.use_cases.reconcile.charges(comparison.part, records)
    assert [(each.kind, each.payment_id) for each in comparison.found] == [(K.AMOUNT, second.id)]


@pytest.mark.parametrize(
    ("captured", "given_back", "kind"),
    [
        (LESS, False, K.AMOUNT),
        (EUROS, False, K.CURRENCY),
        (PRICE, False, None),
        (LESS, True, None),
    ],
)
@pytest.mark.parametrize("repair", [False, True])
async def test_what_nobody_has_decided_about_is_a_difference(
    captured: Money, given_back: bool, kind: DifferenceKind | None, repair: bool
) -> None:
    payment = evolve(a_payment(status=S.REVIEW), captured_amount=captured, code="wrong")
    refunds = (a_refund(amount=captured, status=RefundStatus.SUCCEEDED),) if given_back else ()
    comparison = Comparison(repair=repair)
    await comparison.store(an_order(payment, refunds=refunds))
    await comparison.use_cases.reconcile.charges(comparison.part, [charged(amount=captured)])
    theirs = f"{captured.minor_units} {captured.currency.code}"
    found = [] if kind is None else [a_difference(kind, payment, "10000 usd", theirs)]
    assert comparison.found == [evolve(each, reason="in review: wrong") for each in found]


async def test_what_an_operator_has_accepted_is_no_difference() -> None:
    comparison = Comparison()
    await comparison.store(an_order(evolve(a_payment(status=S.SUCCEEDED), captured_amount=LESS)))
    await comparison.use_cases.reconcile.charges(comparison.part, [charged(amount=LESS)])
    assert comparison.found == []


async def test_the_charges_of_others_are_counted_only() -> None:
    comparison = Comparison()
    elsewhere = evolve(charged(), payment=evolve(CLAIMED, gateway="other"))
    await comparison.use_cases.reconcile.charges(comparison.part, [elsewhere])
    comparison.world.database.identity = "another"
    await comparison.use_cases.reconcile.charges(comparison.part, [charged(), FAILED])
    assert comparison.part.counts == {"compared": 0, "foreign": 3}
    assert comparison.found == []
    assert not comparison.part.seen
    assert not comparison.world.steps  # what is not ours costs the database nothing


# --- repairs -------------------------------------------------------------------------------------


async def test_the_charge_that_was_given_back_is_the_second_one() -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order())
    back = charged(OTHER, refunded=PRICE)
    partly = charged(refunded=LESS)
    await comparison.use_cases.reconcile.charges(comparison.part, [back, PENDING, FAILED, partly])
    first = comparison.world.order().payment(CLAIMED.id)
    assert (first.charge_id, first.status) == (SAME, S.SUCCEEDED)
    second = comparison.world.order().payment_of_charge(OTHER)
    assert second is not None
    assert second.code == CHARGED_TWICE


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_lost_charge_is_adopted_or_given_back(is_cancelled: bool) -> None:
    comparison = Comparison(repair=True)
    replica = cancelled_event() if is_cancelled else created_event()
    await comparison.store(an_order(replica=replica))
    await comparison.use_cases.reconcile.charges(comparison.part, [charged()])
    [found] = comparison.found
    assert (found.kind, found.repaired) == (K.LOST_CHARGE, True)
    code = comparison.world.payment().code
    assert found.reason == (f"given back: {code}" if is_cancelled else None)


async def test_what_the_rules_do_not_change_is_said() -> None:
    comparison = Comparison(repair=True)
    payment = a_payment(status=S.SUCCEEDED)
    await comparison.store(an_order(payment))
    await comparison.use_cases.reconcile.charges(comparison.part, [FAILED])
    found = a_difference(K.LATE_FAILURE, payment, "succeeded", "failed: expired")
    assert comparison.found == [evolve(found, reason="the ordinary rules change nothing")]
    assert "find" not in comparison.world.steps


async def test_a_lost_charge_of_another_amount_is_still_a_difference() -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order())
    await comparison.use_cases.reconcile.charges(comparison.part, [charged(amount=LESS)])
    [found] = comparison.found
    assert (found.kind, found.repaired) == (K.AMOUNT, False)
    assert str(found.reason).startswith("in review: ")


async def test_a_pending_payment_whose_money_did_not_come_is_looked_up() -> None:
    comparison = Comparison(repair=True)
    payment = aged(evolve(a_payment(status=S.PENDING), charge_id=SAME), OLD)
    await comparison.store(an_order(payment))
    await comparison.use_cases.reconcile.charges(comparison.part, [FAILED])
    assert "find" in comparison.world.steps


@pytest.mark.parametrize("error", [StorageUnavailable("down"), ZeroDivisionError("secret")])
async def test_one_that_cannot_be_repaired_stops_no_other(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order())
    other = evolve(charged(OTHER), payment=a_payment("payment-2"))
    comparison.world.checkpoint = FailAt(0, error, {"commit"})
    charges = comparison.use_cases.reconcile.charges
    if isinstance(error, StorageUnavailable):
        with pytest.raises(StorageUnavailable):
            await charges(comparison.part, [charged(), other])
        return
    await charges(comparison.part, [charged(), other])
    reasons = [(each.repaired, each.reason) for each in comparison.found]
    assert reasons[0] == (False, "it could not be repaired: ZeroDivisionError")
    assert len(reasons) == 2
    assert reasons[1][0]
    assert f"lost_charge of payment {SAME} was not repaired" in caplog.text


# --- what cannot be read -------------------------------------------------------------------------


def unreadable(number: int = 1, payment: Payment | None = None) -> UnreadableCharge:
    payment_id = None if payment is None else payment.id
    notification = UnusableNotification(f"evt-{number}", "its amount is missing", payment_id)
    return UnreadableCharge(notification, b"{}", NOW - timedelta(hours=number))


@pytest.mark.parametrize("repair", [False, True])
async def test_a_charge_that_cannot_be_read_is_kept(repair: bool) -> None:
    comparison = Comparison(repair=repair)
    await comparison.store(an_order(a_payment(status=S.SUCCEEDED)))
    records = [unreadable(1), unreadable(2, CLAIMED), evolve(unreadable(3), created_at=None)]
    await comparison.use_cases.reconcile.charges(comparison.part, records)
    at = [each.created_at or comparison.part.period.since + MARGIN for each in records]
    assert comparison.found == [
        Difference(
            kind=K.UNREADABLE,
            gateway="in_memory",
            livemode=False,
            subject=record.notification.id,
            at=created_at,
            payment_id=PAYMENT if record is records[1] else None,
            repaired=False,
            reason="it is kept: payments notifications" if repair else None,
        )
        for record, created_at in zip(records, at, strict=True)
    ]
    assert len(comparison.world.database.unusable_notifications) == (3 if repair else 0)


async def test_a_charge_that_says_nothing_new_is_no_difference_and_stops_no_other() -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order(a_payment(status=S.SUCCEEDED)))
    outcome = Charged(SAME, PRICE, livemode=False)
    known = UnreadableCharge(PaymentNotification("evt-0", CLAIMED.id, outcome), b"{}", NOW)
    news = UnreadableCharge(PaymentNotification("evt-9", CLAIMED.id), b"{}", NOW)
    foreign = UnreadableCharge(UnrelatedNotification("evt-8"), b"{}", NOW)
    records = [known, unreadable(1), foreign, news]
    await comparison.use_cases.reconcile.charges(comparison.part, records)
    assert [(each.subject, each.repaired) for each in comparison.found] == [
        ("evt-1", False),
        ("evt-8", True),
        ("evt-9", True),
    ]
    assert [each.payment_id for each in comparison.found[1:]] == [None, PAYMENT]
    assert comparison.found[2].reason is None


async def test_what_cannot_be_applied_now_stays_a_difference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order(a_payment(status=S.SUCCEEDED)))
    news = PaymentNotification("evt-9", CLAIMED.id, refunded=LESS)
    comparison.world.checkpoint = FailAt(0, GatewayUnavailable("busy"), {"list_refunds"})
    with caplog.at_level("INFO"):
        await comparison.use_cases.reconcile.charges(
            comparison.part, [UnreadableCharge(news, b"{}", NOW)]
        )
    [found] = comparison.found
    assert not found.repaired
    assert "evt-9 cannot be applied now" in caplog.text
