"""ReconcileReports: each refund and dispute of a gateway beside what our books may have."""

from datetime import timedelta

import pytest
from attrs import evolve

from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.gateway_records import ListedDispute, ListedRefund
from application.ports.payment_gateway import GatewayUnavailable
from application.use_cases.compare_books import MARGIN
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.money import Currency, Money
from domain.payment_status import PaymentStatus
from domain.refund import (
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from tests.builders import NOW, PAYMENT, a_payment, a_refund, an_order, dollars
from tests.checkpoints import FailAt
from tests.use_cases.comparing import OLD, Comparison, a_difference

K = DifferenceKind
YOUNG = OLD - timedelta(microseconds=1)
CHARGE = ChargeId(f"ch_{PAYMENT}")
PAID = a_payment(status=PaymentStatus.SUCCEEDED)
TEN, SIX, EUROS = dollars("10"), dollars("6"), Money(1000, Currency("eur"))
AT = NOW - timedelta(hours=3)
OUTCOMES: dict[str, RefundOutcome] = {
    "succeeded": Refunded("re_1", TEN),
    "pending": RefundPending("re_1"),
    "failed": RefundFailed("no_account", "re_1"),
}
RECORDED: dict[str, Refund | None] = {
    "none": None,
    "pending": a_refund(amount=TEN, reference="re_1"),
    "old": evolve(a_refund(amount=TEN, reference="re_1"), created_at=NOW - OLD),
    "succeeded": a_refund(amount=TEN, reference="re_1", status=RefundStatus.SUCCEEDED),
    "failed": a_refund(amount=TEN, reference="re_1", status=RefundStatus.FAILED),
}
EXPECTED: dict[tuple[str, str], DifferenceKind] = {
    ("old", "succeeded"): K.LOST_REFUND,
    ("failed", "succeeded"): K.LOST_REFUND,
    ("pending", "failed"): K.LATE_FAILURE,
    ("old", "failed"): K.LATE_FAILURE,
    ("succeeded", "failed"): K.LATE_FAILURE,
}


def a_report(outcome: RefundOutcome, *, is_ours: bool, amount: Money = TEN) -> ListedRefund:
    """Return a refund as the gateway lists it, perhaps with our labels."""
    if not is_ours:
        reported = ReportedRefund("re_1", amount, outcome)
        external = ExternalRefundNotification("evt-1", CHARGE, reported)
        return ListedRefund(external, b"{}", AT)
    refund_id = RefundId("refund-1")
    reported = ReportedRefund("re_1", amount, outcome, refund_id, "refund-1:0", "requested")
    return ListedRefund(RefundNotification("evt-1", PAID.id, CHARGE, reported), b"{}", AT)


@pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "external"])
@pytest.mark.parametrize("theirs", OUTCOMES)
@pytest.mark.parametrize("ours", RECORDED)
async def test_a_refund_beside_a_refund_in_each_state(
    ours: str, theirs: str, is_ours: bool
) -> None:
    recorded = RECORDED[ours]
    if recorded is not None and not is_ours:
        recorded = evolve(recorded, id=RefundId("re_1"))
    comparison = Comparison()
    await comparison.store(an_order(PAID, refunds=() if recorded is None else (recorded,)))
    record = a_report(OUTCOMES[theirs], is_ours=is_ours)
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    kind = EXPECTED.get((ours, theirs))
    if ours == "none" and (is_ours or theirs != "failed"):
        kind = K.LOST_REFUND if is_ours else K.EXTERNAL_REFUND
    said = "no refund" if recorded is None else f"{recorded.status.value}: 1000 usd"
    found = [] if kind is None else [a_difference(kind, PAID, said, f"{theirs}: 1000 usd", "re_1")]
    refund_id = "refund-1" if is_ours else "re_1"
    expected = [evolve(each, at=AT, refund_id=refund_id) for each in found]
    assert comparison.found == comparison.stored == expected
    assert comparison.part.seen_refunds == {"re_1"}


async def test_a_refund_is_in_progress_for_two_minutes() -> None:
    for age, kinds in ((YOUNG, []), (OLD, [K.LOST_REFUND])):
        comparison = Comparison()
        refund = evolve(a_refund(amount=TEN, reference="re_1"), created_at=NOW - age)
        await comparison.store(an_order(PAID, refunds=(refund,)))
        record = a_report(OUTCOMES["succeeded"], is_ours=True)
        await comparison.use_cases.reconcile.reports(comparison.part, [record])
        assert [each.kind for each in comparison.found] == kinds


@pytest.mark.parametrize("code", [None, "exceeds_payment"])
@pytest.mark.parametrize(("amount", "kind"), [(SIX, K.AMOUNT), (EUROS, K.CURRENCY), (TEN, None)])
@pytest.mark.parametrize("repair", [False, True])
async def test_another_amount_of_a_refund_is_for_a_person_unless_they_know(
    code: str | None, amount: Money, kind: DifferenceKind | None, repair: bool
) -> None:
    refund = a_refund(amount=TEN, reference="re_1", status=RefundStatus.SUCCEEDED)
    comparison = Comparison(repair=repair)
    await comparison.store(an_order(PAID, refunds=(evolve(refund, code=code),)))
    record = a_report(Refunded("re_1", amount), is_ours=True, amount=amount)
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    reason = "for a person: no money is moved" if repair else None
    found = [(each.kind, each.repaired, each.reason) for each in comparison.found]
    assert found == ([(kind, False, reason)] if kind is not None and code is None else [])
    assert "list_refunds" not in comparison.world.steps


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_refund_of_a_charge_that_is_not_in_our_books(is_ours: bool) -> None:
    record = a_report(OUTCOMES["succeeded"], is_ours=is_ours)
    comparison = Comparison()
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    lost = Difference(
        kind=K.LOST_REFUND,
        gateway="in_memory",
        livemode=False,
        subject="re_1",
        at=AT,
        payment_id=PaymentId(PAYMENT),
        charge_id=CHARGE,
        refund_id="refund-1",
        theirs="succeeded: 1000 usd",
        reason="its charge is not in our books: reconcile since an earlier time",
    )
    assert comparison.found == ([lost] if is_ours else [])
    comparison = Comparison()
    comparison.world.database.identity = "another"
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    assert comparison.found == []


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_refund_of_what_another_gateway_has_is_as_one_without_a_charge(
    is_ours: bool,
) -> None:
    comparison = Comparison()
    await comparison.store(an_order(evolve(PAID, gateway="other")))
    record = a_report(OUTCOMES["succeeded"], is_ours=is_ours)
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    assert [each.order_id for each in comparison.found] == ([None] if is_ours else [])
    assert not comparison.part.seen_refunds


async def test_a_refund_of_what_is_not_captured_waits_for_its_charge() -> None:
    comparison = Comparison()
    await comparison.store(an_order(a_payment(status=PaymentStatus.AUTHORIZED)))
    record = a_report(OUTCOMES["succeeded"], is_ours=True)
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    assert comparison.found == []
    assert not comparison.part.seen_refunds


@pytest.mark.parametrize("created_at", [AT, None])
@pytest.mark.parametrize("is_issued", [True, False])
async def test_what_cannot_be_read_is_reported_if_it_names_a_payment(
    created_at: object, is_issued: bool
) -> None:
    comparison = Comparison()
    comparison.world.database.identity = "" if is_issued else "another"
    named = UnusableNotification("evt-1", "it has no amount", PaymentId(PAYMENT))
    records = [
        ListedRefund(named, b"{}", created_at),  # type: ignore[arg-type]
        ListedRefund(evolve(named, payment_id=None), b"{}", AT),
    ]
    await comparison.use_cases.reconcile.reports(comparison.part, records)
    unreadable = Difference(
        kind=K.UNREADABLE,
        gateway="in_memory",
        livemode=False,
        subject="evt-1",
        at=AT if created_at else comparison.part.period.since + MARGIN,
        payment_id=PaymentId(PAYMENT),
        reason="it has no amount",
    )
    assert comparison.found == ([unreadable] if is_issued else [])


# --- disputes ------------------------------------------------------------------------------------


def a_dispute(status: DisputeStatus = DisputeStatus.OPEN) -> ListedDispute:
    dispute = DisputeId("dp_1")
    named = DisputeNotification(status.value, CHARGE, dispute, TEN, "fraudulent", status)
    return ListedDispute(named, b"{}", AT)


@pytest.mark.parametrize("repair", [False, True])
async def test_a_dispute_is_reported_until_it_is_known(repair: bool) -> None:
    comparison = Comparison(repair=repair)
    await comparison.store(an_order(PAID))
    found = a_difference(K.DISPUTE, PAID, "no dispute", "open: 1000 usd", "dp_1", AT)
    for _ in range(2):
        await comparison.use_cases.reconcile.reports(comparison.part, [a_dispute()])
    if not repair:
        assert comparison.found == [found, found]
        return
    assert comparison.found == [evolve(found, repaired=True)]
    lost = a_dispute(DisputeStatus.LOST)
    await comparison.use_cases.reconcile.reports(comparison.part, [lost])
    ended = evolve(found, repaired=True, ours="open", theirs="lost: 1000 usd")
    assert comparison.found[1:] == [ended]
    assert "list_refunds" not in comparison.world.steps


# --- repairs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_lost_or_external_refund_is_recorded(is_ours: bool) -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order(PAID))
    record = a_report(OUTCOMES["succeeded"], is_ours=is_ours)
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    [found] = comparison.found
    assert (found.repaired, found.reason) == (True, None)
    assert [each.amount for each in comparison.world.order().refunds] == [TEN]
    assert "list_refunds" not in comparison.world.steps


@pytest.mark.parametrize("is_ours", [True, False])
async def test_what_the_notification_alone_does_not_repair_is_listed(is_ours: bool) -> None:
    """It was applied before, as after a loss of the books."""
    comparison = Comparison(repair=True)
    await comparison.store(an_order(PAID))
    record = a_report(OUTCOMES["succeeded"], is_ours=is_ours)
    await comparison.use_cases.keep_notification("in_memory", record.notification, b"{}")
    await comparison.store(an_order(PAID))
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    [found] = comparison.found
    assert (found.repaired, found.reason) == (False, "the ordinary rules change nothing")
    assert "list_refunds" in comparison.world.steps


async def test_a_refund_whose_charge_is_lost_says_so_after_the_repair() -> None:
    comparison = Comparison(repair=True)
    record = a_report(OUTCOMES["succeeded"], is_ours=True)
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    [found] = comparison.found
    assert (found.kind, found.repaired) == (K.LOST_REFUND, False)
    assert str(found.reason).startswith("its charge is not in our books")
    assert "list_refunds" not in comparison.world.steps


async def test_what_cannot_be_applied_now_stays_a_difference() -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order(PAID))
    record = a_report(OUTCOMES["succeeded"], is_ours=True)
    comparison.world.checkpoint = FailAt(0, GatewayUnavailable("busy"), {"read inbox"})
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    [found] = comparison.found
    assert (found.repaired, found.reason) == (False, "it cannot be applied now: busy")


async def test_a_dispute_that_was_applied_before_is_said_and_no_refund_is_listed() -> None:
    comparison = Comparison(repair=True)
    await comparison.store(an_order(PAID))
    record = a_dispute()
    await comparison.use_cases.keep_notification("in_memory", record.notification, b"{}")
    await comparison.store(an_order(PAID))
    await comparison.use_cases.reconcile.reports(comparison.part, [record])
    [found] = comparison.found
    assert (found.repaired, found.reason) == (False, "the ordinary rules change nothing")
    assert "list_refunds" not in comparison.world.steps
