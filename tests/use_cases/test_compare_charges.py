"""CompareBooks: what is adopted of a list of charges, and how far the mark goes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.alerts import AlertKind
from application.ports.gateway_history import ListedCharge, TooManyCharges, UnreadableCharge
from application.ports.gateway_notifications import (
    Notification,
    PaymentNotification,
    UnrelatedNotification,
)
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.compare_books import (
    LOOK_BACK,
    MARGIN,
    CompareBooks,
    is_recorded,
)
from domain.identifiers import ChargeId, PaymentId
from domain.outcome import Authorized, Charged, Outcome, Pending
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refunded, ReportedRefund
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    UNTIL,
    a_payment,
    a_refund,
    an_order,
    declined,
    dollars,
)
from tests.checkpoints import FailAt
from tests.use_cases.comparing import Comparison
from tests.world import World

S = PaymentStatus
SAME, OTHER = ChargeId(f"ch_{PAYMENT}"), ChargeId("ch_other")
SECOND = timedelta(seconds=1)
CAPTURED = {S.SUCCEEDED, S.REVERSED, S.REVIEW}
OPEN = {S.PROCESSING, S.REQUIRES_ACTION, S.PENDING}


class Listing(InMemoryGateway):
    """A gateway that lists what a test says."""

    listed: list[Any]
    asked: list[tuple[datetime, datetime]]
    refunds: list[Any]

    async def list_charges(  # type: ignore[override]
        self, since: datetime, until: datetime
    ) -> Sequence[ListedCharge | UnreadableCharge]:
        self.asked.append((since, until))
        said = self.listed.pop(0) if self.listed else []
        if isinstance(said, Exception):
            raise said
        found: Sequence[ListedCharge | UnreadableCharge] = said
        return found

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        said = self.refunds.pop(0) if self.refunds else []
        if isinstance(said, Exception):
            raise said
        found: Sequence[ReportedRefund] = said
        return found


class Books:
    """Books that are compared with a list."""

    def __init__(self, *listed: Any, **has: Any) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.refunds: list[Any] = []
        said = {"listed": list(listed), "asked": self.asked, "refunds": self.refunds}
        self.world = World(gateway_type=type("AList", (Listing,), said | has))
        self.compare: CompareBooks = self.world.use_cases().books_guards.default.compare
        self.store = Comparison(self.world).store

    @property
    def mark(self) -> datetime | None:
        return self.world.database.gateway_marks.get(("in_memory", False), ("", None))[1]

    async def alerts(self) -> list[tuple[AlertKind, str]]:
        return [(each.kind, each.subject) for each in await self.world.alerts.list_current()]


def charge(
    outcome: Charged | Authorized | Pending | None = None, refunded: str = "0"
) -> ListedCharge:
    captured = outcome or Charged(SAME, PRICE, livemode=False)
    return ListedCharge(a_payment(), captured, dollars(refunded))


HELD = charge(Authorized(SAME, PRICE, livemode=False, until=UNTIL))
PENDING = charge(Pending("pi_1"))
BACK = charge(refunded="100")


def is_settled(listed: ListedCharge, status: PaymentStatus) -> bool:
    """Whether our books lack a charge, so that the comparison settles it."""
    if listed is HELD:
        return status not in OPEN | CAPTURED | {S.AUTHORIZED}
    if listed is PENDING:
        return status is S.ABANDONED
    return status not in CAPTURED


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize(
    "listed", [charge(), HELD, PENDING, BACK], ids=["charged", "held", "pending", "given back"]
)
async def test_a_charge_is_settled_if_the_books_lack_it(
    listed: ListedCharge, status: PaymentStatus
) -> None:
    books = Books([listed])
    settled: list[str] = []

    class Settle:
        async def __call__(self, payment: Payment, outcome: Outcome) -> None:
            settled.append(payment.id)

    await books.store(an_order(a_payment(status=status)))
    compare = evolve(books.compare, settle=Settle())  # type: ignore[arg-type]
    assert await compare() == 0
    expected = is_settled(listed, status)
    assert settled == [PAYMENT] * expected
    assert not await books.alerts()


async def test_both_charges_of_an_open_payment_are_settled() -> None:
    books = Books([charge(), charge(Charged(OTHER, PRICE, livemode=False))])
    await books.store(an_order(a_payment(status=S.PROCESSING)))
    assert await books.compare() == 0
    found = {each.charge_id: each.status for each in books.world.order().payments}
    assert found == {SAME: S.SUCCEEDED, OTHER: S.REVERSED}


async def test_another_charge_of_a_captured_payment_is_settled() -> None:
    books = Books([charge(Charged(OTHER, PRICE, livemode=False))])
    await books.store(an_order(a_payment(status=S.SUCCEEDED)))
    assert await books.compare() == 0
    assert books.world.order().payment_of_charge(OTHER) is not None
    assert await books.alerts() == [(AlertKind.CHARGED_TWICE, PAYMENT)]


async def test_what_is_adopted_is_counted_and_told() -> None:
    other = evolve(charge(Charged(OTHER, PRICE, livemode=False)), payment=a_payment("p-2"))
    books = Books([other, charge()])
    await books.store(an_order())
    assert await books.compare() == 2
    alerts = await books.alerts()
    assert (AlertKind.BOOKS_BEHIND, "in_memory") in alerts
    assert len(alerts) == 2  # and one about all payments


async def test_a_gateway_without_a_list_is_not_compared() -> None:
    books = Books(list_charges=None)
    assert not books.compare.is_possible
    assert await books.compare() == 0
    assert "begin comparison" not in books.world.steps
    assert Books().compare.is_possible


async def test_a_refusal_is_told_and_the_mark_stays() -> None:
    books = Books(LookupRefused("forbidden"))
    assert await books.compare() == 0
    assert await books.alerts() == [(AlertKind.LOOKUP_IMPOSSIBLE, "books")]
    assert books.mark is None


@pytest.mark.parametrize("error", [OutcomeUnknown("lost"), GatewayUnavailable("busy")])
async def test_a_gateway_that_cannot_be_asked_is_an_error(error: Exception) -> None:
    books = Books(error)
    with pytest.raises(type(error)):
        await books.compare()
    assert books.mark is None


async def test_the_charges_of_others_are_left_alone() -> None:
    books = Books([evolve(charge(), payment=evolve(a_payment(), gateway="other"))], [charge()])
    assert await books.compare() == 0
    books.world.database.identity = "another"
    assert await books.compare() == 0
    assert not books.world.database.orders


async def test_one_charge_that_cannot_be_adopted_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = evolve(charge(Charged(OTHER, PRICE, livemode=False)), payment=a_payment("p-2"))
    books = Books([charge(), other])
    await books.store(an_order())
    books.world.checkpoint = FailAt(0, ZeroDivisionError("secret"), {"commit"})
    await books.compare()
    assert f"the charge of payment {PAYMENT} could not be adopted" in caplog.text
    assert (AlertKind.BOOKS_BEHIND, PAYMENT) in await books.alerts()
    assert [each.charge_id for each in books.world.order().payments] == [OTHER]


async def test_a_database_that_is_away_ends_the_comparison() -> None:
    books = Books([charge()])
    await books.store(an_order())
    books.world.checkpoint = FailAt(0, StorageUnavailable("down"), {"commit"})
    with pytest.raises(StorageUnavailable):
        await books.compare()
    assert books.mark is None


# --- how far -------------------------------------------------------------------------------------


async def test_each_comparison_begins_at_the_mark_of_the_one_before() -> None:
    books = Books()
    await books.compare()
    assert books.asked == [(NOW - LOOK_BACK, NOW + MARGIN)]
    assert books.mark == NOW - MARGIN
    books.world.advance(minutes=1)
    await books.compare()
    assert books.asked[1:] == [(NOW - MARGIN, NOW + timedelta(minutes=1) + MARGIN)]
    # A mark in the future, by a clock that was wrong.
    books.world.time = NOW - timedelta(hours=1)
    await books.compare()
    assert books.asked[2][0] == books.world.now() - LOOK_BACK
    books.world.time = NOW - timedelta(hours=1) - MARGIN
    await books.compare()
    assert books.asked[3][0] == NOW - timedelta(hours=1) - MARGIN


async def test_a_mark_of_this_moment_is_one() -> None:
    books = Books()
    await books.compare()
    books.world.time = NOW - MARGIN
    await books.compare()
    assert books.asked[1] == (NOW - MARGIN, NOW)


MANY = TooManyCharges("too many")


async def marked(seconds: float, *listed: Any) -> Books:
    """Return books whose next comparison is of so many seconds."""
    books = Books()
    await books.compare()
    books.world.time = NOW - MARGIN + seconds * SECOND - MARGIN
    books.asked.clear()
    gateway = books.world.gateway_type
    gateway.listed.extend(listed)  # type: ignore[attr-defined]
    return books


def spans(books: Books) -> list[tuple[float, float]]:
    begin = NOW - MARGIN
    return [((a - begin) / SECOND, (b - a) / SECOND) for a, b in books.asked]


async def test_a_list_that_is_too_long_is_halved_and_then_grows_again() -> None:
    books = await marked(200, MANY, MANY, [], [])
    await books.compare()
    assert spans(books) == [(0, 200), (0, 100), (0, 50), (50, 100), (150, 50)]
    assert books.mark == books.world.now() - MARGIN


@pytest.mark.parametrize(("halved", "is_over"), [(7, False), (8, True)])
async def test_a_second_is_not_halved(halved: int, is_over: bool) -> None:
    books = await marked(180, *[MANY] * halved)
    if is_over:
        with pytest.raises(TooManyCharges):
            await books.compare()
    else:
        await books.compare()
    assert min(span for _, span in spans(books)) == 180 / 2**7
    books = await marked(256, *[MANY] * 9)
    with pytest.raises(TooManyCharges):
        await books.compare()
    assert spans(books)[-1] == (0, 1)


async def test_a_new_database_looks_at_one_list_only() -> None:
    books = Books(MANY, MANY)
    await books.compare()
    quarter = (LOOK_BACK + MARGIN) / 4
    assert books.asked[-1] == (NOW + MARGIN - quarter, NOW + MARGIN)
    assert len(books.asked) == 3


# --- refunds -------------------------------------------------------------------------------------

REPORTED = [ReportedRefund("re_1", dollars("60"), Refunded("re_1", dollars("60")))]


async def refunded(*refunds: Any, listed: ListedCharge | None = None) -> Books:
    books = Books([listed or charge(refunded="60")])
    books.refunds.extend(refunds)
    await books.store(an_order(a_payment(status=S.SUCCEEDED)))
    return books


async def test_what_was_refunded_is_listed_once() -> None:
    books = await refunded(REPORTED, ZeroDivisionError())
    await books.compare()
    assert [each.amount for each in books.world.order().refunds] == [dollars("60")]
    assert books.mark == NOW - MARGIN
    books.world.advance(minutes=1)
    gateway = books.world.gateway_type
    gateway.listed.append([charge(refunded="60")])  # type: ignore[attr-defined]
    await books.compare()
    assert len(books.refunds) == 1  # it was not asked again
    assert books.mark == books.world.now() - MARGIN


async def test_what_was_not_refunded_is_not_listed_whatever_we_have_reserved() -> None:
    books = Books([charge()])
    books.refunds.append(ZeroDivisionError())
    await books.store(an_order(a_payment(status=S.SUCCEEDED), refunds=(a_refund(),)))
    await books.compare()
    assert len(books.refunds) == 1


@pytest.mark.parametrize(
    ("error", "moves"),
    [
        (OutcomeUnknown("lost"), False),
        (GatewayUnavailable("busy"), False),
        (KeyRefused("no key"), False),
        (LookupRefused("forbidden"), True),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_the_mark_stays_before_refunds_that_cannot_be_listed_now(
    error: Exception, moves: bool, caplog: pytest.LogCaptureFixture
) -> None:
    books = await refunded(error)
    with caplog.at_level("INFO"):
        await books.compare()
    assert (books.mark is not None) is moves
    words = "cannot be listed" if moves else "are listed again later"
    assert f"the refunds of payment {PAYMENT} {words}" in caplog.text


async def test_one_list_that_failed_keeps_the_mark_whatever_follows() -> None:
    books = await marked(200, MANY, [charge(refunded="60")], [])
    await books.store(an_order(a_payment(status=S.SUCCEEDED)))
    books.refunds.append(OutcomeUnknown("lost"))
    before = books.mark
    await books.compare()
    assert len(books.asked) == 3
    assert books.mark == before


@pytest.mark.parametrize("is_older", [False, True])
async def test_a_mark_that_is_too_old_moves_nevertheless(is_older: bool) -> None:
    books = Books()
    await books.compare()
    older = timedelta(microseconds=is_older)
    books.world.time = NOW - MARGIN + LOOK_BACK + older
    await books.store(an_order(a_payment(status=S.SUCCEEDED)))
    books.refunds.append(OutcomeUnknown("lost"))
    books.world.gateway_type.listed.append([charge(refunded="60")])  # type: ignore[attr-defined]
    await books.compare()
    assert (books.mark != NOW - MARGIN) is is_older


@pytest.mark.parametrize(
    "listed",
    [
        evolve(HELD, refunded=dollars("60")),
        evolve(PENDING, refunded=dollars("60")),
        charge(Charged(OTHER, PRICE, livemode=False), refunded="60"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
async def test_refunds_of_what_our_books_do_not_have_are_not_listed(
    listed: ListedCharge, is_known: bool
) -> None:
    class SettleNothing:
        async def __call__(self, payment: Payment, outcome: Outcome) -> None:
            pass

    books = Books([listed])
    books.refunds.append(ZeroDivisionError())
    if is_known:
        await books.store(an_order(evolve(a_payment(), charge_id=OTHER)))
    await evolve(books.compare, settle=SettleNothing())()  # type: ignore[arg-type]
    assert len(books.refunds) == 1
    assert books.mark == NOW - MARGIN


# --- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "status", "expected"),
    [
        (UnrelatedNotification("evt"), S.PROCESSING, False),
        (PaymentNotification("evt", PaymentId(PAYMENT), refunded=PRICE), S.PROCESSING, False),
        (PaymentNotification("evt", PaymentId("none")), S.PROCESSING, False),
        (PaymentNotification("evt", PaymentId(PAYMENT)), S.PROCESSING, True),
        (PaymentNotification("evt", PaymentId(PAYMENT)), S.SUCCEEDED, False),
        (PaymentNotification("evt", PaymentId(PAYMENT), declined()), S.PROCESSING, True),
        (PaymentNotification("evt", PaymentId(PAYMENT), charge().outcome), S.SUCCEEDED, True),
        (PaymentNotification("evt", PaymentId(PAYMENT), charge().outcome), S.PROCESSING, True),
        (PaymentNotification("evt", PaymentId(PAYMENT), charge().outcome), S.FAILED, False),
        (
            PaymentNotification("evt", PaymentId(PAYMENT), Charged(OTHER, PRICE, livemode=False)),
            S.SUCCEEDED,
            False,
        ),
    ],
)
def test_a_report_says_something_new_or_not(
    report: Notification, status: PaymentStatus, expected: bool
) -> None:
    payment = a_payment(status=status)
    assert is_recorded(report, {payment.id: payment}) is expected


async def test_a_charge_that_cannot_be_read_is_kept_and_its_payment_not_read_for_it() -> None:
    unreadable = UnreadableCharge(UnrelatedNotification("evt_1"), b"{}", NOW)
    books = Books([unreadable])
    await books.compare()
    assert "in_memory:evt_1" in repr(books.world.database.inbox)
    books = Books([])
    await books.compare()
    assert books.world.steps.count("read payments") <= 1
