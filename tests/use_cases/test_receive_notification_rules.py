"""ReceiveNotification and KeepNotification: each of their rules alone."""

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve, frozen

from application.log_context import current_ids, log_context
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
    UnrelatedNotification,
    UnusableNotification,
    UsableNotification,
)
from application.ports.gateways import AtAnotherGateway
from application.ports.payment_gateway import GatewayUnavailable, LookupRefused, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.find_lost_payment import LostPayment
from domain.dispute import DisputeStatus
from domain.events import PaymentDisputed
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.money import Currency, Money
from domain.outcome import Charged, Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refunded, RefundStatus, ReportedRefund
from domain.second_charge import CHARGED_TWICE, second_charge_id
from tests.builders import (
    GATEWAY,
    NOW,
    ORDER,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    an_order,
    charged,
    declined,
    dollars,
)
from tests.checkpoints import FailAt
from tests.use_cases.comparing import Comparison
from tests.use_cases.test_refund_steps import EXTERNAL, TEN, Scripted
from tests.world import World

S = PaymentStatus
CHARGE = ChargeId(f"ch_{PAYMENT}")
PAID = a_payment(status=S.SUCCEEDED)
BODY = b"what the gateway sent"


class Shop:
    """A shop with the default order, and a gateway that says what a test says."""

    def __init__(self, *, finds: Any = None, listed: Sequence[Any] = ()) -> None:
        self.calls: list[str] = []

        async def find(_gateway: object, _payment: Payment) -> Outcome | None:
            self.calls.append("find")
            if isinstance(finds, Exception):
                raise finds
            found: Outcome | None = finds
            return found

        said = {"listed": list(listed), "calls": self.calls, "find": find}
        self.world = World(gateway_type=type("AScript", (Scripted,), said))
        self.use_cases = self.world.use_cases()
        self.store = Comparison(self.world).store

    async def receive(self, notification: UsableNotification, gateway: str = GATEWAY) -> bool:
        return await self.use_cases.receive_notification(gateway, notification)

    async def keep(self, notification: Notification, gateway: str = GATEWAY) -> bool:
        return await self.use_cases.keep_notification(gateway, notification, BODY)

    async def alerts(self) -> list[tuple[AlertKind, str]]:
        return [(each.kind, each.subject) for each in await self.world.alerts.list_current()]

    async def reasons(self) -> list[str]:
        return [each.reason for each in await self.world.unusable.list(100)]

    @property
    def deferred(self) -> int:
        return len(self.world.database.deferred_notifications)

    @property
    def events(self) -> list[type]:
        return [type(each.entry.event) for each in self.world.database.outbox.values()]


def about(**changes: Any) -> PaymentNotification:
    return evolve(PaymentNotification("evt", PaymentId(PAYMENT)), **changes)


# --- payments ------------------------------------------------------------------------------------


async def test_a_notification_is_recorded_once_and_by_gateway() -> None:
    shop = Shop()
    await shop.store(an_order(a_payment()))
    unrelated = UnrelatedNotification("evt")
    assert [await shop.receive(unrelated) for _ in range(2)] == [True, False]
    assert await shop.receive(unrelated, "other")
    with log_context():
        await shop.receive(unrelated)
        assert current_ids() == {"notification": "in_memory:evt"}


@pytest.mark.parametrize("number", range(3), ids=["looks", "looks again", "commits"])
async def test_a_process_that_another_overtakes_records_nothing_when_it(number: int) -> None:
    shop, steps = Shop(), list[str]()
    notification = UnrelatedNotification("evt")

    async def overtake(step: str) -> None:
        steps.append(step)
        if len(steps) == number + 1:
            other = shop.world.use_cases("other").receive_notification
            assert await other(GATEWAY, notification)

    shop.world.checkpoint = overtake
    # Only a process that looks before it has applied the notification can see that it is not new.
    assert await shop.receive(notification) is (number > 0)
    assert len(shop.world.database.inbox) == 1
    assert steps.count("committed") == 1


async def test_a_lost_payment_is_adopted_if_its_labels_describe_it() -> None:
    shop = Shop()
    await shop.store(an_order())
    assert await shop.receive(about(outcome=charged(), claimed=a_payment()))
    assert shop.world.payment().status is S.SUCCEEDED
    assert (AlertKind.BOOKS_BEHIND, "payments") in await shop.alerts()


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        (None, True),
        (evolve(a_payment(), gateway="other"), True),
        (evolve(a_payment(), livemode=True), True),
        (a_payment(), False),
    ],
)
@pytest.mark.parametrize("outcome", [charged(), None])
async def test_a_lost_payment_that_cannot_be_adopted_is_told_and_kept(
    claimed: Payment | None, kept: bool, outcome: Outcome | None
) -> None:
    shop = Shop(finds=charged())
    await shop.store(an_order())
    await shop.keep(about(outcome=outcome, claimed=claimed))
    assert bool(shop.world.order().payments) is not kept
    assert len(await shop.reasons()) == kept
    expected = PAYMENT if kept else "payments"
    assert await shop.alerts() == [(AlertKind.BOOKS_BEHIND, expected)]
    if kept:
        assert await shop.reasons() == [str(LostPayment(PaymentId(PAYMENT)))]


async def test_what_one_gateway_says_of_a_lost_payment_of_another_is_not_asked_there() -> None:
    shop = Shop(finds=charged())
    other = shop.world.add_gateway("other")
    shop.use_cases = shop.world.use_cases()
    await shop.store(an_order())
    with pytest.raises(LostPayment):
        await shop.receive(about(claimed=evolve(a_payment(), gateway=other.name)))
    assert not shop.calls
    assert "find" not in shop.world.steps


async def test_a_payment_of_another_installation_is_not_ours() -> None:
    shop = Shop(finds=charged())
    shop.world.database.identity = "another"
    for claimed in (None, a_payment()):
        assert not await shop.receive(about(outcome=charged(), claimed=claimed))
        assert not await shop.receive(about(claimed=claimed))
    assert not shop.world.database.inbox
    assert not shop.calls
    assert not await shop.alerts()


@pytest.mark.parametrize(
    ("found", "error", "alert"),
    [
        (OutcomeUnknown("lost"), GatewayUnavailable, None),
        (GatewayUnavailable("busy"), GatewayUnavailable, None),
        (LookupRefused("forbidden"), LookupRefused, (AlertKind.LOOKUP_IMPOSSIBLE, PAYMENT)),
        (None, None, None),
    ],
)
async def test_what_became_of_a_lost_payment_is_asked(
    found: Any, error: type[Exception] | None, alert: tuple[AlertKind, str] | None
) -> None:
    shop = Shop(finds=found)
    await shop.store(an_order())
    named = about(claimed=a_payment())
    if error is None:
        assert await shop.receive(named)
    else:
        with pytest.raises(error):
            await shop.receive(named)
    assert await shop.alerts() == ([] if alert is None else [alert])
    assert shop.calls == ["find"]
    assert not shop.world.order().payments
    assert len(shop.world.database.inbox) == (error is None)


async def test_a_payment_that_another_gateway_has_is_kept() -> None:
    shop = Shop()
    await shop.store(an_order(a_payment()))
    for notification in (
        about(outcome=charged()),
        RefundNotification("evt_2", PaymentId(PAYMENT), CHARGE, EXTERNAL),
    ):
        with pytest.raises(AtAnotherGateway):
            await shop.receive(notification, "other")
        assert not await shop.keep(notification, "other")
    assert shop.world.payment().status is S.PROCESSING
    assert all(PAYMENT in each for each in await shop.reasons())


# --- checks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("may_be_late", [True, False])
@pytest.mark.parametrize("status", S)
async def test_a_check_is_made_due_while_something_can_change(
    status: PaymentStatus, may_be_late: bool
) -> None:
    shop = Shop()
    await shop.store(an_order(a_payment(status=status)))
    assert await shop.receive(about(may_be_late=may_be_late))
    is_captured = status in {S.SUCCEEDED, S.REVERSED, S.REVIEW}
    has_ended = status in {S.FAILED, S.CANCELLED}
    is_due = not is_captured and (may_be_late or not has_ended)
    assert (shop.world.payment().next_check_at == NOW) is is_due


async def test_a_session_makes_the_check_of_its_own_payment_due() -> None:
    shop = Shop()
    one = evolve(a_payment("p-1", S.FAILED), reference="one")
    two = evolve(a_payment("p-2"), reference="two")
    await shop.store(an_order(one, two))
    await shop.receive(SessionNotification("evt_0", type(ORDER)("unknown"), "two"))
    await shop.receive(SessionNotification("evt_1", ORDER, "none"))
    await shop.receive(SessionNotification("evt_3", ORDER, "one"))
    assert [each.next_check_at for each in shop.world.order().payments] == [None, None]
    await shop.receive(SessionNotification("evt_2", ORDER, "two"))
    assert [each.next_check_at for each in shop.world.order().payments] == [None, NOW]


# --- refunds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "refunded", "outcome", "is_listed"),
    [
        (PAID, TEN, charged(), True),
        (PAID, TEN, None, True),
        (PAID, None, charged(), False),
        (PAID, dollars("0"), charged(), False),
        (PAID, TEN, Charged(ChargeId("ch_x"), PRICE, livemode=False), True),
        (a_payment(status=S.FAILED), TEN, None, False),
        (a_payment(status=S.FAILED), TEN, declined(), False),
    ],
)
async def test_refunds_are_listed_if_we_know_of_another_amount(
    payment: Payment, refunded: Money | None, outcome: Outcome | None, is_listed: bool
) -> None:
    shop = Shop(listed=[[EXTERNAL]])
    await shop.store(an_order(payment))
    await shop.receive(about(outcome=outcome, refunded=refunded))
    assert ("list_refunds" in shop.calls) is is_listed
    assert bool(shop.world.order().refunds) is is_listed or outcome is not None


async def test_the_refunds_of_a_second_charge_are_compared_with_its_own_record() -> None:
    other = ChargeId("ch_2")
    second_id = second_charge_id(PAID.id, other)
    second = evolve(a_payment(second_id, S.REVERSED, charge_id=other), code=CHARGED_TWICE)
    back = a_refund("back", status=RefundStatus.SUCCEEDED, payment_id=second_id)
    shop = Shop()
    await shop.store(an_order(PAID, second, refunds=(evolve(back, charge_id=other),)))
    again = Charged(other, PRICE, livemode=False)
    await shop.receive(about(outcome=again, refunded=PRICE))
    assert not shop.calls


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OutcomeUnknown("lost"), GatewayUnavailable),
        (GatewayUnavailable("busy"), GatewayUnavailable),
        (LookupRefused("forbidden"), LookupRefused),
    ],
)
async def test_refunds_that_cannot_be_listed(error: Exception, raised: type[Exception]) -> None:
    shop = Shop(listed=[error])
    await shop.store(an_order(PAID))
    with pytest.raises(raised):
        await shop.receive(about(outcome=charged(), refunded=TEN))
    is_final = raised is LookupRefused
    expected = [(AlertKind.LOOKUP_IMPOSSIBLE, PAYMENT)] if is_final else []
    assert await shop.alerts() == expected
    assert not shop.world.database.inbox


async def test_refunds_of_a_charge_that_nobody_knows_are_not_listed() -> None:
    shop = Shop()
    shop.world.database.identity = "another"
    assert not await shop.receive(about(outcome=charged(), refunded=TEN))
    assert not shop.calls


async def test_a_refund_of_ours_is_settled_and_any_other_is_external() -> None:
    shop = Shop()
    await shop.store(an_order(PAID, refunds=(a_refund(amount=TEN),)))
    ours = ReportedRefund("re_1", TEN, Refunded("re_1", TEN), RefundId("refund-1"), "refund-1:0")
    with log_context():
        await shop.receive(RefundNotification("evt_1", PaymentId(PAYMENT), CHARGE, ours))
        assert current_ids()["payment_id"] == PAYMENT
    await shop.receive(RefundNotification("evt_2", PaymentId(PAYMENT), CHARGE, EXTERNAL))
    refunds = {each.id: each.status for each in shop.world.order().refunds}
    assert refunds == {"refund-1": RefundStatus.SUCCEEDED, "re_8": RefundStatus.SUCCEEDED}
    assert not shop.deferred


async def test_a_refund_before_its_payment_is_deferred_for_its_gateway() -> None:
    shop = Shop()
    await shop.receive(RefundNotification("evt", PaymentId(PAYMENT), CHARGE, EXTERNAL))
    [(at, notification)] = shop.world.database.deferred_notifications.values()
    expected = ExternalRefundNotification("in_memory:evt", CHARGE, EXTERNAL, GATEWAY)
    assert (notification, at) == (expected, NOW)


EUROS = Money(1000, Currency("eur"))
STRANGE = ReportedRefund("re_7", EUROS, Refunded("re_7", EUROS))
MISMATCH = [(AlertKind.EXTERNAL_REFUND_MISMATCH, PAYMENT)]


async def test_a_refund_in_another_currency_is_told_by_whatever_way_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    external = ExternalRefundNotification("evt", CHARGE, STRANGE)
    shop = Shop()
    await shop.store(an_order(PAID))
    await shop.receive(external)
    assert await shop.alerts() == MISMATCH
    assert not shop.deferred
    shop = Shop()
    await shop.store(an_order(PAID))
    await shop.receive(RefundNotification("evt", PaymentId(PAYMENT), CHARGE, STRANGE))
    assert await shop.alerts() == MISMATCH
    shop = Shop()
    await shop.receive(external)
    assert shop.deferred == 1
    await shop.store(an_order(PAID))
    with caplog.at_level("INFO"):
        assert await shop.use_cases.apply_deferred_notifications.run_once() == 1
    assert await shop.alerts() == MISMATCH
    assert "notification in_memory:evt was applied" in caplog.text
    assert not shop.deferred


# --- disputes ------------------------------------------------------------------------------------


def a_dispute(
    status: DisputeStatus = DisputeStatus.OPEN, unknown: str | None = None
) -> DisputeNotification:
    dispute = DisputeId("dp_1")
    named = DisputeNotification(status.value, CHARGE, dispute, TEN, "fraudulent", status)
    return evolve(named, unknown_status=unknown)


async def test_a_dispute_is_published_once_in_each_state() -> None:
    shop = Shop()
    await shop.store(an_order(PAID))
    for number, status in enumerate((DisputeStatus.OPEN, DisputeStatus.OPEN, DisputeStatus.LOST)):
        with log_context():
            await shop.receive(evolve(a_dispute(status), id=f"evt-{number}"))
            assert current_ids()["payment_id"] == PAYMENT
    assert shop.events == [PaymentDisputed, PaymentDisputed]
    # What says nothing new is only noted as received.
    assert shop.world.steps.count("commit") == 1 + 2 + 1 + 2
    assert not shop.deferred
    assert not await shop.alerts()


async def test_a_dispute_of_an_unknown_status_is_told_alone() -> None:
    shop = Shop()
    await shop.store(an_order(PAID))
    await shop.receive(a_dispute(unknown="tomorrow"))
    assert await shop.alerts() == [(AlertKind.GATEWAY_UNREADABLE, "dp_1")]
    await shop.receive(ExternalRefundNotification("evt", CHARGE, EXTERNAL))
    assert len(await shop.alerts()) == 1


@pytest.mark.parametrize("gateway", [None, GATEWAY, "other"])
async def test_only_the_gateway_that_has_a_charge_may_report_about_it(gateway: str | None) -> None:
    shop = Shop()
    await shop.store(an_order(PAID))
    deferred = evolve(a_dispute(), gateway=gateway)
    work = shop.world.database.begin()
    work.inbox.defer(deferred, NOW)
    await work.commit()
    assert await shop.use_cases.apply_deferred_notifications.run_once() in (0, 1)
    assert bool(shop.world.order().disputes) is (gateway != "other")


# --- keeping, and reading again ------------------------------------------------------------------

KEPT = {
    AtAnotherGateway("p", "other"): "payment p is at other",
    LostPayment(PaymentId("p")): "payment p is lost, and the labels do not describe all of it",
    LookupRefused("secret"): "it could not be applied: LookupRefused",
    ZeroDivisionError("secret"): "it could not be applied: ZeroDivisionError",
}


@pytest.mark.parametrize("error", KEPT, ids=lambda each: type(each).__name__)
async def test_what_cannot_be_applied_is_kept_with_a_reason(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()
    shop.world.checkpoint = FailAt(0, error, {"read inbox"})
    assert not await shop.keep(UnrelatedNotification("evt"))
    assert await shop.reasons() == [KEPT[error]]
    assert f"notification evt is kept: {KEPT[error]}" in caplog.text
    assert ("could not be applied\n" in caplog.text) is isinstance(error, ZeroDivisionError)


@pytest.mark.parametrize("error", [StorageUnavailable("down"), GatewayUnavailable("busy")])
async def test_what_is_sent_again_is_not_kept(error: Exception) -> None:
    shop = Shop()
    shop.world.checkpoint = FailAt(0, error, {"read inbox"})
    with pytest.raises(type(error)):
        await shop.keep(UnrelatedNotification("evt"))
    assert await shop.reasons() == []


@pytest.mark.parametrize("found", [LookupRefused("forbidden"), None])
async def test_an_unusable_notification_of_a_lost_payment_looks_for_it(found: Any) -> None:
    shop = Shop(finds=found)
    await shop.store(an_order())
    named = UnusableNotification("evt", "no amount", PaymentId(PAYMENT), a_payment())
    assert not await shop.keep(named)
    assert not await shop.keep(evolve(named, id="evt_2", claimed=None))
    assert await shop.reasons() == ["no amount", "no amount"]
    assert shop.calls == ["find"]


@frozen
class Reader:
    """A later version, which reads every notification as this one."""

    reads: Notification

    async def read(self, body: bytes, headers: object) -> Notification:
        return self.reads

    def read_verified(self, body: bytes) -> Notification:
        return self.reads


@pytest.mark.parametrize(
    "error",
    [*KEPT, StorageUnavailable("down"), GatewayUnavailable("busy")],
    ids=lambda each: type(each).__name__,
)
async def test_what_is_read_again_and_fails_stays(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()
    await shop.keep(UnusableNotification("evt", "unknown"))
    readers = {GATEWAY: Reader(UnrelatedNotification("evt"))}
    replay = shop.use_cases.replay_notifications.run_once
    shop.world.checkpoint = FailAt(0, error, {"read inbox"})
    with caplog.at_level("INFO"):
        if isinstance(error, StorageUnavailable):
            with pytest.raises(StorageUnavailable):
                await replay(readers)
        else:
            assert await replay(readers) == set()
    [kept] = await shop.world.unusable.list(10)
    assert kept.attempts == (error in KEPT)
    assert await shop.reasons() == [KEPT.get(error, "unknown")]
    assert ("is read again later: busy" in caplog.text) is isinstance(error, GatewayUnavailable)
    assert ("could not be applied\n" in caplog.text) is isinstance(error, ZeroDivisionError)


async def test_what_is_used_is_removed_and_what_others_sent_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = Shop()
    for number in range(41):
        await shop.keep(UnusableNotification(f"evt-{number}", "unknown"))
    await shop.keep(UnusableNotification("evt", "unknown"), "other")
    readers = {GATEWAY: Reader(UnrelatedNotification("evt"))}
    replay = shop.use_cases.replay_notifications.run_once
    with caplog.at_level("INFO"):
        assert len(await replay(readers)) == 41
    [left] = await shop.world.unusable.list(10)
    assert left.gateway == "other"
    assert "(evt-40) was used" in caplog.text
    assert await replay(readers, {left.id}) == set()
