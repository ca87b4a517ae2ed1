"""Reconcile: what one part of a period asks for, and what of a gateway's faults it survives."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_records import FailedCharge, Page, Period
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from application.ports.payment_pages import MAX_PAYMENTS
from application.use_cases.compare_books import MARGIN
from application.use_cases.reconcile import NotReconciled
from application.use_cases.reconciliation import Part, TooManyCharges, shown
from domain.identifiers import ChargeId, PaymentId, RefundId
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, Outcome, Pending, Refused
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import (
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
)
from domain.second_charge import CHARGED_TWICE, second_charge_id
from tests.builders import (
    NOW,
    a_payment,
    a_refund,
    an_order,
    authorized,
    charged,
    created_event,
    declined,
    dollars,
)
from tests.use_cases.comparing import OLD, Comparison, a_difference, aged
from tests.world import World

K, S = DifferenceKind, PaymentStatus
OLDER = OLD + timedelta(microseconds=1)
EUROS = Money(10000, Currency("eur"))
PERSON = "for a person: no money is moved"


class Scripted(InMemoryGateway):
    """A gateway that says of each payment, refund and page what a test says."""

    said: Sequence[Any] = ()
    asked: list[Any]
    foreign: int = 0
    pages: Sequence[Any] = ()

    async def find(self, payment: Payment) -> Outcome | None:
        found: Outcome | None = self._say(payment)
        return found

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        found: RefundOutcome | None = self._say(refund)
        return found

    async def charge_records(self, period: Period, cursor: str | None) -> Page[Any]:
        said = self.pages[len(self.asked)] if len(self.asked) < len(self.pages) else None
        self.asked.append((period, cursor))
        if isinstance(said, Exception):
            raise said
        return said or Page((), None, self.foreign)

    def _say(self, about: object) -> Any:
        said = self.said[min(len(self.asked), len(self.said) - 1)]
        self.asked.append(about)
        if isinstance(said, Exception):
            raise said
        return said


def scripted(*said: Any, repair: bool = False, **has: Any) -> tuple[Comparison, list[Any]]:
    asked: list[Any] = []
    kind = type("AScript", (Scripted,), {"said": said, "asked": asked, **has})
    return Comparison(World(gateway_type=kind), repair=repair), asked


# --- payments of ours ----------------------------------------------------------------------------


@pytest.mark.parametrize("age", [OLD, OLDER])
@pytest.mark.parametrize("status", S)
async def test_what_was_not_listed_is_asked_about_if_it_has_money(
    status: PaymentStatus, age: timedelta
) -> None:
    comparison, asked = scripted(None)
    payment = evolve(aged(a_payment(status=status), age), charge_id=ChargeId("ch_1"))
    await comparison.store(an_order(payment))
    await comparison.use_cases.reconcile.payments(comparison.part)
    has_money = status in {S.SUCCEEDED, S.REVERSED, S.REVIEW, S.AUTHORIZED}
    assert asked == ([payment] if has_money and age > OLD else [])
    said = f"{status.value}: 10000 usd"
    expected = evolve(a_difference(K.PAYMENT_UNKNOWN, payment, said, "nothing"), reason=PERSON)
    assert comparison.found == [expected for _ in asked]


async def test_what_was_listed_and_second_charges_are_not_asked_about() -> None:
    comparison, asked = scripted(None)
    payment = aged(a_payment(status=S.SUCCEEDED), OLDER)
    second = aged(a_payment("second", S.REVERSED), OLDER)
    second = evolve(second, code=CHARGED_TWICE)
    await comparison.store(an_order(payment, second))
    comparison.part.note(payment)
    await comparison.use_cases.reconcile.payments(comparison.part)
    assert asked == []


async def test_a_gateway_that_lists_late_is_asked_later() -> None:
    comparison, asked = scripted(None, records_delay=timedelta(hours=3))
    payment = aged(a_payment(status=S.SUCCEEDED), OLD + timedelta(hours=3))
    refund = evolve(
        a_refund(status=RefundStatus.SUCCEEDED, reference="re_1"), created_at=payment.created_at
    )
    await comparison.store(an_order(payment, refunds=(refund,)))
    for advance in (timedelta(0), timedelta(microseconds=1)):
        comparison.world.pass_time(advance)
        await comparison.use_cases.reconcile.payments(comparison.part)
        await comparison.use_cases.reconcile.refunds(comparison.part)
        assert len(asked) == (2 if advance else 0)


LATE = (K.LATE_FAILURE, "declined")
SUCCEEDED, HELD = a_payment(status=S.SUCCEEDED), a_payment(status=S.AUTHORIZED)


@pytest.mark.parametrize(
    ("payment", "outcome", "expected"),
    [
        (SUCCEEDED, charged(), None),
        (SUCCEEDED, charged(amount=dollars("60")), (K.AMOUNT, "6000 usd")),
        (SUCCEEDED, charged(amount=EUROS), (K.CURRENCY, "10000 eur")),
        (SUCCEEDED, Charged(ChargeId("ch_x"), dollars("60"), livemode=False), None),
        (SUCCEEDED, authorized(), None),
        (SUCCEEDED, declined(), LATE),
        (SUCCEEDED, Refused("closed", "it is closed"), (K.LATE_FAILURE, "refused")),
        (SUCCEEDED, Pending("pi_1"), (K.LATE_FAILURE, "pending")),
        (SUCCEEDED, None, (K.PAYMENT_UNKNOWN, "nothing")),
        (HELD, charged(amount=dollars("60")), None),
        (HELD, authorized(), None),
        (HELD, declined(), None),
        (HELD, None, (K.PAYMENT_UNKNOWN, "nothing")),
    ],
)
async def test_what_the_gateway_says_of_a_payment_that_it_has_not_listed(
    payment: Payment, outcome: Outcome | None, expected: tuple[DifferenceKind, str] | None
) -> None:
    comparison, _ = scripted(outcome)
    payment = aged(payment, OLDER)
    await comparison.store(an_order(payment))
    await comparison.use_cases.reconcile.payments(comparison.part)
    said = f"{payment.status.value}: 10000 usd"
    found = [] if expected is None else [a_difference(expected[0], payment, said, expected[1])]
    assert comparison.found == [evolve(each, reason=PERSON) for each in found]


@pytest.mark.parametrize("at_once", [1, 3])
async def test_every_payment_of_many_pages_is_asked_about_once(at_once: int) -> None:
    comparison, asked = scripted(charged())
    orders = [
        an_order(
            evolve(
                aged(SUCCEEDED, OLDER + timedelta(seconds=each // at_once)),
                id=PaymentId(f"p-{each}"),
            ),
            replica=created_event(f"order-{each}"),
        )
        for each in range(2 * MAX_PAYMENTS)
    ]
    await comparison.store(*orders)
    await comparison.use_cases.reconcile.payments(comparison.part)
    assert sorted(each.id for each in asked) == sorted(f"p-{n}" for n in range(2 * MAX_PAYMENTS))
    assert comparison.world.steps.count("read payments") == 3


# --- refunds of ours -----------------------------------------------------------------------------

GIVEN = evolve(
    a_refund(amount=dollars("10"), status=RefundStatus.SUCCEEDED, reference="re_1"),
    created_at=NOW - OLDER,
)


@pytest.mark.parametrize("code", [None, "exceeds_payment"])
@pytest.mark.parametrize(
    ("outcome", "kind", "theirs"),
    [
        (Refunded("re_1", dollars("10")), None, ""),
        (Refunded("re_1", dollars("6")), K.AMOUNT, "600 usd"),
        (Refunded("re_1", Money(1000, Currency("eur"))), K.CURRENCY, "1000 eur"),
        (RefundPending("re_1"), None, ""),
        (RefundFailed("no_account", "re_1"), K.LATE_FAILURE, "failed: no_account"),
        (None, K.REFUND_UNKNOWN, "nothing"),
    ],
)
@pytest.mark.parametrize("repair", [False, True])
async def test_what_the_gateway_says_of_a_refund_that_it_has_not_listed(
    code: str | None,
    outcome: RefundOutcome | None,
    kind: DifferenceKind | None,
    theirs: str,
    repair: bool,
) -> None:
    comparison, _ = scripted(outcome, repair=repair)
    refund = evolve(GIVEN, code=code)
    await comparison.store(an_order(SUCCEEDED, refunds=(refund,)))
    await comparison.use_cases.reconcile.refunds(comparison.part)
    if kind in (None, *((K.AMOUNT, K.CURRENCY) if code else ())):
        assert comparison.found == []
        return
    found = _of_refund(kind, refund, "succeeded: 1000 usd", theirs)
    is_failure = kind is K.LATE_FAILURE
    reason = None if is_failure else PERSON
    assert comparison.found == [evolve(found, repaired=is_failure and repair, reason=reason)]


def _of_refund(kind: DifferenceKind | None, refund: Refund, ours: str, theirs: str) -> Difference:
    assert kind is not None
    found = a_difference(kind, SUCCEEDED, ours, theirs, "re_1", refund.created_at)
    return evolve(found, payment_id=refund.payment_id, refund_id=refund.id)


async def test_a_refund_that_was_listed_or_is_young_is_not_asked_about() -> None:
    comparison, asked = scripted(None)
    young = evolve(GIVEN, created_at=NOW - OLD)
    await comparison.store(an_order(SUCCEEDED, refunds=(young,)))
    await comparison.use_cases.reconcile.refunds(comparison.part)
    comparison.world.advance(seconds=1)
    comparison.part.note_refund("re_1")
    await comparison.use_cases.reconcile.refunds(comparison.part)
    assert asked == []
    comparison.part.seen_refunds.clear()
    await comparison.use_cases.reconcile.refunds(comparison.part)
    assert asked == [young]


@pytest.mark.parametrize("at_once", [1, 3])
async def test_every_refund_of_many_pages_is_asked_about_once(at_once: int) -> None:
    comparison, asked = scripted(Refunded("re", dollars("0.01")))
    refunds = tuple(
        evolve(
            GIVEN,
            id=RefundId(f"refund-{each}"),
            reference=f"re_{each}",
            amount=dollars("0.01"),
            created_at=NOW - OLDER - timedelta(seconds=each // at_once),
        )
        for each in range(2 * MAX_PAYMENTS)
    )
    await comparison.store(an_order(SUCCEEDED, refunds=refunds))
    await comparison.use_cases.reconcile.refunds(comparison.part)
    assert {each.id for each in asked} == {each.id for each in refunds}
    assert len(asked) == len(refunds)
    assert comparison.world.steps.count("read refunds") == 3


async def test_a_failure_of_another_attempt_repairs_nothing() -> None:
    comparison, _ = scripted(RefundFailed("no_account", None), repair=True)
    await comparison.store(an_order(SUCCEEDED, refunds=(GIVEN,)))
    await comparison.use_cases.reconcile.refunds(comparison.part)
    [found] = comparison.found
    assert (found.kind, found.repaired) == (K.LATE_FAILURE, False)


async def test_a_refund_that_the_gateway_cannot_tell_of() -> None:
    comparison, _ = scripted(OutcomeUnknown("strange"))
    await comparison.store(an_order(SUCCEEDED, refunds=(GIVEN,)))
    await comparison.use_cases.reconcile.refunds(comparison.part)
    found = _of_refund(K.UNREADABLE, GIVEN, "succeeded: 1000 usd", "unknown")
    assert comparison.found == [evolve(found, reason="strange")]


async def test_a_refund_of_a_second_charge_is_about_its_own_payment() -> None:
    comparison, asked = scripted(None)
    second_id = second_charge_id(SUCCEEDED.id, ChargeId("ch_2"))
    second = evolve(a_payment(second_id, S.REVERSED, charge_id="ch_2"), code=CHARGED_TWICE)
    refund = evolve(GIVEN, payment_id=second.id, charge_id=ChargeId("ch_2"))
    await comparison.store(an_order(SUCCEEDED, second, refunds=(refund,)))
    await comparison.use_cases.reconcile.refunds(comparison.part)
    assert asked == [refund]
    assert [each.payment_id for each in comparison.found] == [second.id]


# --- looking up ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "requests", "is_found"),
    [
        ([OutcomeUnknown("lost"), charged()], 2, False),
        ([OutcomeUnknown("lost"), OutcomeUnknown("strange")], 2, True),
        ([ZeroDivisionError("secret"), charged()], 2, False),
        ([LookupRefused("forbidden")], 1, None),
        ([OutcomeUnknown("lost"), LookupRefused("forbidden")], 2, None),
        ([GatewayUnavailable("busy")], 1, None),
    ],
)
async def test_a_look_up_is_repeated_once_unless_that_is_useless(
    said: Sequence[Any], requests: int, is_found: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    comparison, asked = scripted(*said)
    payment = aged(SUCCEEDED, OLDER)
    await comparison.store(an_order(payment))
    payments = comparison.use_cases.reconcile.payments
    with caplog.at_level("INFO"):
        if is_found is None:
            with pytest.raises(type(said[-1])):
                await payments(comparison.part)
        else:
            await payments(comparison.part)
    assert len(asked) == requests
    assert ("is asked for again" in caplog.text) is (requests == 2)
    unreadable = a_difference(K.UNREADABLE, payment, "succeeded: 10000 usd", "unknown")
    found = [evolve(unreadable, reason="strange")] if is_found else []
    assert comparison.found == found


@pytest.mark.parametrize("number", [3, 4])
async def test_of_three_it_may_not_be_able_to_tell(number: int) -> None:
    comparison, _ = scripted(OutcomeUnknown("strange"))
    orders = [
        an_order(
            evolve(aged(SUCCEEDED, OLDER), id=PaymentId(f"p-{each}")),
            replica=created_event(f"order-{each}"),
        )
        for each in range(number)
    ]
    await comparison.store(*orders)
    payments = comparison.use_cases.reconcile.payments
    if number == 3:
        await payments(comparison.part)
    else:
        with pytest.raises(OutcomeUnknown):
            await payments(comparison.part)
    assert len(comparison.found) == 3


async def test_payments_and_refunds_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.use_cases.reconciliation.MAX_SEEN", 3)
    for notes in ("PPRR", "RRPP", "PPPP", "RRRR"):
        part = Comparison().part
        for number, note in enumerate(notes[:3]):
            _note(part, note, number)
        with pytest.raises(TooManyCharges):
            _note(part, notes[3], 3)


def _note(part: Part, what: str, number: int) -> None:
    if what == "P":
        part.note(a_payment(f"p-{number}"))
    else:
        part.note_refund(f"re-{number}")


async def test_nothing_found_is_not_stored_and_no_money_is_shown_as_nothing() -> None:
    comparison = Comparison()
    await comparison.part.report([])
    assert not comparison.world.steps
    assert [shown(None), shown(dollars("1"))] == ["nothing", "100 usd"]


# --- pages and parts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pages", "pauses", "error"),
    [
        ([OutcomeUnknown("lost")], [1.0], None),
        ([OutcomeUnknown("lost")] * 2, [1.0, 5.0], None),
        ([OutcomeUnknown("lost")] * 3, [1.0, 5.0], NotReconciled),
        ([LookupRefused("forbidden")], [], NotReconciled),
        ([GatewayUnavailable("busy")] * 3, [1.0, 5.0], NotReconciled),
        ([KeyRefused("no key")] * 3, [1.0, 5.0], NotReconciled),
        ([ZeroDivisionError("a bug")], [], NotReconciled),
    ],
)
async def test_a_page_is_asked_for_again_after_a_pause(
    pages: Sequence[Exception],
    pauses: list[float],
    error: type[Exception] | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    comparison, asked = scripted(pages=pages)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    reconcile = evolve(comparison.use_cases.reconcile, sleep=pause)
    period = Period(NOW - timedelta(hours=1), NOW)
    with caplog.at_level("INFO"):
        if error is None:
            await reconcile(comparison.part.at, period, comparison.found.append, repair=False)
        else:
            with pytest.raises(NotReconciled) as failed:
                await reconcile(comparison.part.at, period, comparison.found.append, repair=False)
            assert (failed.value.gateway, failed.value.until) == ("in_memory", period.since)
            is_final = isinstance(pages[0], LookupRefused | ZeroDivisionError)
            assert failed.value.is_final is is_final
            assert "could not be reconciled after 2026-11-22T11:00:00+00:00" in str(failed.value)
    assert waited == pauses
    assert ("is asked for again" in caplog.text) is bool(pauses)
    assert len(asked) == len(pages) + (error is None)


async def test_a_gateway_that_cannot_be_asked_about_a_payment_is_not_reconciled() -> None:
    comparison, _ = scripted(GatewayUnavailable("busy"))
    await comparison.store(an_order(aged(SUCCEEDED, OLDER)))
    period = Period(NOW - timedelta(hours=1), NOW)
    with pytest.raises(NotReconciled, match="busy") as failed:
        await comparison.use_cases.reconcile(
            comparison.part.at, period, comparison.found.append, repair=False
        )
    assert not failed.value.is_final


async def test_records_of_others_are_counted_of_every_page() -> None:
    first = Page[Any]((), "next", 2)
    comparison, asked = scripted(pages=[first], foreign=3)
    period = Period(NOW - timedelta(hours=1), NOW)
    progress: list[object] = []
    totals = await comparison.use_cases.reconcile(
        comparison.part.at, period, comparison.found.append, repair=False, progress=progress.append
    )
    assert (totals.compared, totals.foreign) == (0, 5)
    assert [cursor for _, cursor in asked] == [None, "next"]
    assert progress == [NOW]


async def test_a_gateway_without_a_list_of_charges_is_not_reconciled() -> None:
    comparison, _ = scripted(charge_records=None)
    with pytest.raises(NotReconciled, match="does not list its charges") as failed:
        await comparison.use_cases.reconcile(
            comparison.part.at, Period(NOW - OLD, NOW), comparison.found.append, repair=False
        )
    assert failed.value.is_final


async def test_a_gateway_may_have_no_lists_of_refunds_and_disputes() -> None:
    comparison, asked = scripted(refund_records=None, dispute_records=None)
    await comparison.use_cases.reconcile(
        comparison.part.at, Period(NOW - OLD, NOW), comparison.found.append, repair=False
    )
    assert len(asked) == 1


class Crowded(InMemoryGateway):
    """A gateway with ten charges of ours in each second."""

    asked: list[tuple[float, float]]

    async def charge_records(self, period: Period, cursor: str | None) -> Page[Any]:
        since, seconds = (period.since - NOW).total_seconds(), period.until - period.since
        self.asked.append((since, seconds.total_seconds()))
        ids = [PaymentId(f"p-{since}-{each}") for each in range(int(10 * seconds.total_seconds()))]
        failed = [FailedCharge(a_payment(each), ChargeId(each), Declined("no")) for each in ids]
        return Page(failed)


@pytest.mark.parametrize(
    ("most", "total", "spans"),
    [
        (4.0, 8, [(0, 8), (0, 4), (4, 4)]),
        (1.0, 4, [(0, 4), (0, 2), (0, 1), (1, 2), (1, 1), (2, 2), (2, 1), (3, 1)]),
        (0.9, 4, [(0, 4), (0, 2), (0, 1)]),
    ],
)
async def test_a_period_is_halved_down_to_a_second(
    most: float, total: int, spans: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, float]] = []
    monkeypatch.setattr("application.use_cases.reconciliation.MAX_SEEN", int(10 * most))
    comparison = Comparison(World(gateway_type=type("ACrowd", (Crowded,), {"asked": asked})))
    at = comparison.part.at
    period = Period(NOW, NOW + timedelta(seconds=total))
    reconcile = comparison.use_cases.reconcile
    if most < 1:
        with pytest.raises(NotReconciled, match="too many charges of one second") as failed:
            await reconcile(at, period, comparison.found.append, repair=False)
        assert not failed.value.is_final
    else:
        await reconcile(at, period, comparison.found.append, repair=False)
    assert asked == spans


@pytest.mark.parametrize("is_inside", [True, False])
async def test_a_complete_comparison_resolves_what_it_has_not_found(is_inside: bool) -> None:
    comparison, _ = scripted()
    since = NOW - timedelta(hours=1)
    margin = timedelta(0) if is_inside else timedelta(microseconds=1)
    old = a_difference(K.AMOUNT, SUCCEEDED, "a", "b", at=since + MARGIN - margin)
    await comparison.part.report([old])
    comparison.world.advance(seconds=1)
    reconcile = comparison.use_cases.reconcile
    begun = reconcile.begin(comparison.part.at, Period(since, NOW + timedelta(hours=1)))
    begun.span = timedelta(hours=1)
    await reconcile.step(begun, comparison.found.append, repair=False)
    stored = next(iter(comparison.world.database.differences.values()))
    assert (begun.is_complete, stored.resolved_at) == (False, None)
    await reconcile.step(begun, comparison.found.append, repair=False)
    stored = next(iter(comparison.world.database.differences.values()))
    assert begun.since == begun.period.until
    assert (stored.resolved_at is not None) is is_inside


async def test_after_a_part_that_fits_a_larger_one_is_tried() -> None:
    comparison, asked = scripted()
    reconcile = comparison.use_cases.reconcile
    begun = reconcile.begin(comparison.part.at, Period(NOW, NOW + timedelta(seconds=7)))
    begun.span = timedelta(seconds=1)
    while not begun.is_complete:
        await reconcile.step(begun, comparison.found.append, repair=False)
    spans = [(each.until - each.since).total_seconds() for each, _ in asked]
    assert spans == [1, 2, 4]
