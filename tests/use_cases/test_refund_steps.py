"""Each step of a refund alone: reserved, sent, looked up, listed and settled."""

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.log_context import current_ids, log_context
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import ExternalRefundNotification
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from application.ports.unit_of_work import Conflict
from application.use_cases.refund_payment import LostRefundsFound
from application.use_cases.sync_refunds import Synced
from domain.events import Event, PaymentRefunded, PaymentRefundFailed
from domain.identifiers import PaymentId, RefundId
from domain.money import Currency, Money
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import (
    EXCEEDS_PAYMENT,
    REFUNDED_EXTERNALLY,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from domain.refund_rules import RefundExceedsPayment
from tests.builders import NOW, ORDER, PAYMENT, a_payment, a_refund, an_order, dollars
from tests.checkpoints import FailAt
from tests.use_cases.comparing import Comparison
from tests.world import GatewayWithoutChargeList, World

PAID = a_payment(status=PaymentStatus.SUCCEEDED)
TEN, SIX = dollars("10"), dollars("6")
ONE = a_refund(amount=TEN)
SENT = evolve(ONE, reference="re_1")
DONE = evolve(SENT, status=RefundStatus.SUCCEEDED)
FAILED = RefundFailed("no_account", "re_1")
LOST = ReportedRefund("re_9", TEN, Refunded("re_9", TEN), RefundId("lost"), "lost:0", "requested")
EXTERNAL = ReportedRefund("re_8", TEN, Refunded("re_8", TEN))


class Scripted(GatewayWithoutChargeList):
    """A gateway whose answers about refunds a test writes."""

    sent: list[Any]
    found: list[Any]
    listed: list[Any]
    calls: list[str]

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        outcome: RefundOutcome = self._say("refund", self.sent)
        return outcome

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        outcome: RefundOutcome | None = self._say("find_refund", self.found)
        return outcome

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        listed: Sequence[ReportedRefund] = self._say("list_refunds", self.listed)
        return listed

    def _say(self, call: str, said: list[Any]) -> Any:
        self.calls.append(call)
        answer = said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Shop:
    """A shop with the default order, and a gateway that says what a test says."""

    def __init__(self, *refunds: Refund, payment: Payment = PAID, **has: Any) -> None:
        self.calls: list[str] = []
        said = {each: list(has.pop(each, ())) for each in ("sent", "found", "listed")}
        has["calls"] = self.calls
        self.world = World(gateway_type=type("AScript", (Scripted,), said | has))
        self.use_cases = self.world.use_cases()
        self.order = an_order(payment, refunds=refunds)
        self.store = Comparison(self.world).store

    async def begin(self) -> "Shop":
        await self.store(self.order)
        self.world.steps.clear()
        return self

    @property
    def events(self) -> list[type[Event]]:
        return [type(each.entry.event) for each in self.world.database.outbox.values()]

    async def alerts(self) -> list[tuple[AlertKind, str]]:
        return [(each.kind, each.subject) for each in await self.world.alerts.list_current()]

    async def check(self, refund: Refund = ONE) -> Refund:
        await self.use_cases.recover_payments.check_refund(PAID, refund)
        after = self.world.order().refund(refund.id)
        assert after is not None
        return after


# --- looking up, and sending again ---------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Refunded("re_1", TEN), RefundPending("re_1")])
async def test_what_the_gateway_knows_is_not_sent(outcome: RefundOutcome) -> None:
    shop = await Shop(ONE, found=[outcome]).begin()
    assert (await shop.check()).reference == "re_1"
    assert shop.calls == ["find_refund"]


async def test_what_the_gateway_does_not_know_is_sent_and_no_list_is_read() -> None:
    shop = await Shop(ONE, found=[None], sent=[Refunded("re_1", TEN)]).begin()
    assert (await shop.check()).status is RefundStatus.SUCCEEDED
    assert shop.calls == ["find_refund", "refund"]


async def test_what_the_gateway_knew_before_is_never_sent_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = await Shop(SENT, found=[None, RefundPending("re_1")]).begin()
    assert await shop.check(SENT) == SENT
    assert f"the gateway has no record of refund {ONE.id} any more" in caplog.text
    caplog.clear()
    assert await shop.check(SENT) == SENT
    assert not caplog.records
    assert shop.calls == ["find_refund", "find_refund"]


async def test_a_refund_that_counts_is_not_asked_about_again_if_the_gateway_lacks_it() -> None:
    limited = evolve(DONE, code=EXCEEDS_PAYMENT, next_check_at=NOW)
    shop = await Shop(limited, found=[None]).begin()
    assert await shop.check(limited) == evolve(limited, next_check_at=None)
    assert not shop.events


@pytest.mark.parametrize("payment_id", [PAID.id, PaymentId("lost")])
@pytest.mark.parametrize("refund_id", [ONE.id, RefundId("lost")])
async def test_what_is_lost_or_not_limited_any_more_meanwhile_is_checked_as_before(
    payment_id: PaymentId, refund_id: RefundId
) -> None:
    shop = await Shop(ONE).begin()
    await shop.use_cases.recover_payments.check_refund.settle.end_checks(payment_id, refund_id)
    assert shop.world.order() == shop.order


async def test_a_refund_that_counts_as_less_is_published_once_its_amount_is_known() -> None:
    most = ReportedRefund("re_8", dollars("95"), Refunded("re_8", dollars("95")))
    others = ReportedRefund("re_7", TEN, Refunded("re_7", TEN))
    back = evolve(most, outcome=RefundFailed("closed", "re_8"))
    shop = await Shop(listed=[[most], [most, others], [back, others]]).begin()
    await shop.use_cases.refund_payment.sync(PAID)
    await shop.use_cases.refund_payment.sync(PAID)
    limited = shop.world.order().refund(RefundId("re_7"))
    assert limited is not None
    assert (limited.amount, limited.is_limited) == (dollars("5"), True)
    assert shop.events == [PaymentRefunded]  # the first one
    await shop.use_cases.refund_payment.sync(PAID)
    assert shop.events == [PaymentRefunded, PaymentRefundFailed, PaymentRefunded]
    last = [*shop.world.database.outbox.values()][-1].entry.event
    assert last == PaymentRefunded.of(evolve(limited, amount=TEN))


async def test_a_refund_that_has_failed_makes_us_look_at_the_others() -> None:
    shop = await Shop(ONE, found=[FAILED], listed=[[EXTERNAL]]).begin()
    assert (await shop.check()).status is RefundStatus.FAILED
    assert [each.id for each in shop.world.order().refunds] == [ONE.id, "re_8"]


AGAIN = evolve(ONE, automatic=True, attempt=1, amount=dollars("100"))


@pytest.mark.parametrize(
    ("listed", "is_sent"),
    [([], True), ([EXTERNAL], False), (LookupRefused("forbidden"), True)],
)
async def test_a_further_attempt_is_sent_if_the_gateway_has_so_much_left(
    listed: Any, is_sent: bool
) -> None:
    lists = [listed, listed]
    shop = await Shop(AGAIN, found=[None], sent=[RefundPending("re_1")], listed=lists).begin()
    after = await shop.check(AGAIN)
    assert ("refund" in shop.calls) is is_sent
    assert shop.calls[:2] == ["find_refund", "list_refunds"]
    if is_sent:
        assert (after.status, after.reference) == (RefundStatus.PENDING, "re_1")
    else:
        assert (after.status, after.code) == (RefundStatus.FAILED, "amount_too_large")


async def test_a_further_attempt_is_sent_to_a_gateway_without_a_list() -> None:
    shop = await Shop(AGAIN, found=[None], sent=[RefundPending("re_1")], list_refunds=None).begin()
    assert (await shop.check(AGAIN)).reference == "re_1"


@pytest.mark.parametrize("error", [OutcomeUnknown("lost"), GatewayUnavailable("busy")])
async def test_a_further_attempt_waits_for_the_list(error: Exception) -> None:
    shop = await Shop(AGAIN, found=[None], listed=[error]).begin()
    assert await shop.check(AGAIN) == AGAIN
    assert "refund" not in shop.calls


# --- the list ------------------------------------------------------------------------------------


async def test_what_was_lost_is_named_and_told(caplog: pytest.LogCaptureFixture) -> None:
    shop = await Shop(listed=[[LOST, EXTERNAL]]).begin()
    synced = await shop.use_cases.refund_payment.sync(PAID)
    assert synced is not None
    assert [each.id for each in synced.lost] == ["lost"]
    assert synced.order == shop.world.order()
    assert await shop.alerts() == [(AlertKind.BOOKS_BEHIND, "refunds")]
    assert f"refund lost of payment {PAYMENT} was lost and is adopted" in caplog.text
    assert shop.events == [PaymentRefunded, PaymentRefunded]


def test_a_refund_that_follows_a_failed_one_was_not_lost() -> None:
    known = an_order(PAID, refunds=(DONE,))
    external = evolve(DONE, id=RefundId("re_8"), reference="re_8")
    unsent = evolve(ONE, id=RefundId("next"))
    lost = evolve(DONE, id=RefundId("lost"), reference="re_9")
    after = an_order(PAID, refunds=(DONE, external, unsent, lost))
    assert Synced.of(known, after) == Synced(after, [lost])


@pytest.mark.parametrize(
    ("payment", "has"),
    [
        (a_payment(), {}),
        (evolve(PAID, gateway="other"), {}),
        (PAID, {"list_refunds": None}),
    ],
)
async def test_without_a_charge_or_a_list_there_is_nothing_to_find(
    payment: Payment, has: dict[str, Any]
) -> None:
    shop = await Shop(payment=payment, **has).begin()
    assert await shop.use_cases.refund_payment.sync(payment) is None
    assert not shop.calls


async def test_the_refunds_of_an_unknown_payment_change_nothing() -> None:
    shop = Shop(listed=[[LOST]])
    assert await shop.use_cases.refund_payment.sync(PAID) is None
    assert not await shop.alerts()


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("lost"), GatewayUnavailable("busy"), KeyRefused("no key")]
)
async def test_a_list_that_is_not_needed_may_fail(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shop = await Shop(listed=[error]).begin()
    with caplog.at_level("INFO"):
        assert await shop.use_cases.refund_payment.sync.if_possible(PAID) is None
    assert f"the refunds of payment {PAYMENT} could not be listed" in caplog.text


EUROS = Money(1000, Currency("eur"))
STRANGE = ReportedRefund("re_7", EUROS, Refunded("re_7", EUROS))


async def test_what_is_not_what_was_refunded_is_told() -> None:
    shop = await Shop(listed=[[STRANGE, EXTERNAL]]).begin()
    await shop.use_cases.refund_payment.sync(PAID)
    assert await shop.alerts() == [(AlertKind.EXTERNAL_REFUND_MISMATCH, PAYMENT)]


@pytest.mark.parametrize("way", ["listed", "settled", "received", "deferred"])
async def test_what_is_not_what_was_refunded_is_told_once_whatever_conflicts(way: str) -> None:
    shop = await Shop(ONE, listed=[[STRANGE]]).begin()
    assert PAID.charge_id is not None
    report = ExternalRefundNotification("evt", PAID.charge_id, STRANGE)
    if way == "deferred":
        work = shop.world.database.begin()
        work.inbox.defer(report, NOW)
        await work.commit()
    shop.world.checkpoint = FailAt(0, Conflict("another writer was faster"), {"commit"})
    if way == "listed":
        await shop.use_cases.refund_payment.sync(PAID)
    elif way == "settled":
        await settle(shop, ONE, Refunded("re_1", EUROS))
    elif way == "received":
        await shop.world.receive(report)
    else:
        await shop.use_cases.apply_deferred_notifications.run_once()
    assert shop.world.checkpoint.failed_step == "commit"
    await shop.world.alerts.flush()
    [alert] = await shop.world.alerts.list_current()
    assert (alert.kind, alert.count) == (AlertKind.EXTERNAL_REFUND_MISMATCH, 1)


# --- settling ------------------------------------------------------------------------------------


async def settle(shop: Shop, refund: Refund, outcome: RefundOutcome) -> Refund | None:
    return await shop.use_cases.refund_payment.settle(PAID.id, refund, outcome)


async def test_the_outcome_of_one_refund_is_published_alone() -> None:
    other = evolve(DONE, id=RefundId("refund-0"), reference="re_0")
    shop = await Shop(other, ONE).begin()
    settled = await settle(shop, ONE, Refunded("re_1", TEN))
    assert settled == shop.world.order().refund(ONE.id)
    assert shop.events == [PaymentRefunded]
    assert not await shop.alerts()
    with log_context():
        await settle(shop, ONE, Refunded("re_1", TEN))
        assert current_ids() == {"order_id": ORDER, "payment_id": PAYMENT}
    assert shop.events == [PaymentRefunded]
    assert await settle(Shop(), ONE, FAILED) is None


async def test_another_currency_is_told_and_not_published_as_an_amount() -> None:
    shop = await Shop(ONE).begin()
    await settle(shop, ONE, Refunded("re_1", EUROS))
    assert await shop.alerts() == [(AlertKind.EXTERNAL_REFUND_MISMATCH, PAYMENT)]


async def test_a_refund_is_published_once_all_of_it_counts() -> None:
    all_back = evolve(DONE, id=RefundId("all"), reference="re_5", amount=dollars("100"))
    limited = evolve(DONE, amount=dollars("0"), code=EXCEEDS_PAYMENT)
    shop = await Shop(limited, all_back).begin()
    await settle(shop, all_back, RefundFailed("no_account", "re_5"))
    assert shop.events == [PaymentRefundFailed]
    for _ in range(2):
        await settle(shop, limited, Refunded("re_1", TEN))
        assert shop.events == [PaymentRefundFailed, PaymentRefunded]
    assert shop.world.order().refund(limited.id) == evolve(DONE, next_check_at=None)


ALL_BACK = evolve(DONE, id=RefundId("all"), reference="re_5", amount=dollars("90"))


@pytest.mark.parametrize(
    ("refunds", "outcome", "is_published"),
    [
        # Its money should be back, and the payment still has it.
        ((ONE,), FAILED, True),
        ((DONE,), FAILED, True),
        # What was announced is not true, even if nothing is left of the payment.
        ((DONE, evolve(ALL_BACK, amount=dollars("100"))), FAILED, True),
        # Nothing is left: the money is back by another refund.
        ((ONE, evolve(ALL_BACK, amount=dollars("100"))), FAILED, False),
        ((ONE, ALL_BACK), FAILED, True),
        ((ONE,), RefundFailed(REFUNDED_EXTERNALLY, "re_1"), False),
        ((DONE,), RefundFailed(REFUNDED_EXTERNALLY, "re_1"), False),
    ],
)
async def test_a_failure_is_published_if_money_is_missed(
    refunds: tuple[Refund, ...], outcome: RefundOutcome, is_published: bool
) -> None:
    shop = await Shop(*refunds).begin()
    await settle(shop, refunds[0], outcome)
    refund = shop.world.order().refund(ONE.id)
    assert refund is not None
    assert refund.status is RefundStatus.FAILED
    assert shop.events == [PaymentRefundFailed] * is_published


# --- an operator's refund ------------------------------------------------------------------------


async def refund(shop: Shop, units: int | None = 1000, refund_id: str | None = None) -> Refund:
    known = None if refund_id is None else RefundId(refund_id)
    return await shop.use_cases.refund_payment(PAID.id, units, "requested", known)


async def test_it_is_listed_reserved_sent_and_settled() -> None:
    shop = await Shop(listed=[[]], sent=[Refunded("re_1", TEN)]).begin()
    await shop.use_cases.books_guards.default()
    shop.world.steps.clear()
    done = await refund(shop)
    assert (done.status, done.amount) == (RefundStatus.SUCCEEDED, TEN)
    assert shop.calls == ["list_refunds", "refund"]
    assert shop.world.steps.count("commit") == 2  # the reservation, the outcome
    assert shop.world.steps.count("read orders") == 3  # before the list, with it, to reserve


async def test_one_that_the_gateway_refuses_makes_us_look_at_the_others() -> None:
    shop = await Shop(listed=[[], [EXTERNAL]], sent=[FAILED]).begin()
    assert (await refund(shop)).status is RefundStatus.FAILED
    assert shop.calls == ["list_refunds", "refund", "list_refunds"]
    assert "re_8" in {each.id for each in shop.world.order().refunds}


async def test_a_repeated_request_lists_and_writes_nothing() -> None:
    shop = await Shop(DONE).begin()
    assert await refund(shop, 1000, ONE.id) == DONE
    assert not shop.calls
    assert "commit" not in shop.world.steps


@pytest.mark.parametrize(
    ("listed", "units", "refund_id", "is_refused"),
    [
        ([LOST], 1000, "new", True),
        ([LOST], None, "new", False),
        ([LOST], 1000, "lost", False),
        (
            [LOST, evolve(LOST, reference="re_6", refund_id=RefundId("more"), key="more:0")],
            1000,
            "lost",
            False,
        ),
        ([EXTERNAL], 1000, "new", False),
    ],
)
async def test_a_part_is_not_refunded_if_a_lost_refund_is_found(
    listed: Sequence[ReportedRefund], units: int | None, refund_id: str, is_refused: bool
) -> None:
    shop = await Shop(listed=[listed], sent=[Refunded("re_1", TEN)]).begin()
    if is_refused:
        with pytest.raises(LostRefundsFound):
            await refund(shop, units, refund_id)
    else:
        await refund(shop, units, refund_id)
    assert ("refund" in shop.calls) is (not is_refused and refund_id != "lost")


async def test_what_cannot_be_refunded_anyway_says_so_after_a_loss() -> None:
    shop = await Shop(listed=[[LOST]]).begin()
    with pytest.raises(RefundExceedsPayment):
        await refund(shop, 9_500)
    shop = Shop()
    with pytest.raises(PaymentNotFound):
        await refund(shop)


async def test_books_are_compared_once_and_what_is_found_then_is_lost() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()
    use_cases = world.use_cases()
    await use_cases.books_guards.default()
    world.steps.clear()
    payment = (await world.pay()).payment
    before = world.order()
    await use_cases.refund_payment(payment.id, 1000, "requested", RefundId("first"))
    assert "list_charges" not in world.steps[world.steps.index("list_refunds") :]
    await _lose(world, before)
    world.database.copy += 1
    with pytest.raises(LostRefundsFound):
        await use_cases.refund_payment(payment.id, 500)
    assert world.order().refund(RefundId("first")) is not None
    await world.come_to_rest()


async def _lose(world: World, order: Order) -> None:
    revision, _ = world.database.orders[order.id]
    world.database.orders[order.id] = (revision, order)


async def test_a_payment_that_is_not_in_the_books_is_looked_for_at_every_gateway() -> None:
    world = World(gateway_type=InMemoryGateway)
    world.add_gateway("other")
    with pytest.raises(PaymentNotFound):
        await world.use_cases().refund_payment(PaymentId("none"))
    assert world.steps.count("list_charges") == 2


async def test_a_failed_refund_of_ours_that_was_lost_is_recorded_as_failed() -> None:
    failed = evolve(LOST, outcome=RefundFailed("no_account", "re_9"))
    shop = await Shop(listed=[[failed]]).begin()
    synced = await shop.use_cases.refund_payment.sync(PAID)
    assert synced is not None
    [refund] = shop.world.order().refunds
    assert (refund.id, refund.status) == ("lost", RefundStatus.FAILED)
    assert shop.events == [PaymentRefundFailed]


async def test_a_payment_and_its_refund_that_are_lost_are_found_before_another_refund() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()
    backup = world.database.back_up()
    payment = (await world.pay()).payment
    await world.use_cases().refund_payment(payment.id, 1000, "requested", RefundId("first"))
    world.database.restore(backup)
    with pytest.raises(LostRefundsFound):
        await world.use_cases().refund_payment(payment.id, 500)
    assert world.order().refund(RefundId("first")) is not None
    await world.come_to_rest()


async def test_what_was_sent_is_returned_if_its_order_is_lost_meanwhile() -> None:
    shop = await Shop(listed=[[]], sent=[Refunded("re_1", TEN)]).begin()

    class SettleNothing:
        async def __call__(self, *_: object) -> None:
            return None

    refund_payment = evolve(shop.use_cases.refund_payment, settle=SettleNothing())  # type: ignore[arg-type]
    sent = await refund_payment(PAID.id, 1000)
    assert (sent.status, sent.amount) == (RefundStatus.PENDING, TEN)
