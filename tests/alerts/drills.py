"""Drills: for each alert a fault that is made on the shop, and the alerts that must fire then."""

import asyncio
import os
import resource
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from attrs import evolve, frozen
from prometheus_client import CollectorRegistry, Histogram

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.messaging.wire import Message
from adapters.persistence.sql.pool import ConnectionPool
from application.application import DeclineLimits
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import DisputeNotification, UnusableNotification
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, OrderId
from tests.alerts.shop import SERVE, WORKER, Shop
from tests.builders import dollars
from tests.checkpoints import proceed
from tests.entrypoints.http.world import a_token
from tests.world import VISA

QUIET_MINUTES: Final = 3
"""Each drill begins with these, in which nothing may fire."""

Fault = Callable[[Shop], Awaitable[None]]


@frozen
class Drill:
    """A fault, and what fires because of it."""

    fault: Fault
    fires: frozenset[str]
    lead: int
    shop: Mapping[str, Any]
    """What is special in the shop from the start."""


DRILLS: Final[dict[str, Drill]] = {}


def drill(*fires: str, lead: int = 1, **shop: Any) -> Callable[[Fault], Fault]:
    """Add a drill after which exactly these alerts fire; each name lacks the prefix `Payments`.

    `lead` is that of `Expected`.
    """

    def add(fault: Fault) -> Fault:
        names = frozenset(f"Payments{each}" for each in fires)
        DRILLS[fault.__name__] = Drill(fault, names, lead, shop)
        return fault

    return add


# --- money --------------------------------------------------------------------------------------


@drill()
async def a_day_like_any_other(shop: Shop) -> None:
    """Declines, customers who authenticate, debits that are pending: nothing fires."""
    debit = "pm_usBankAccount_processing"
    tokens = ("tok_visa", "tok_chargeDeclined", "tok_threeDSecureRequired", debit)
    for turn in range(16):
        shop.token = tokens[turn % 4]
        await shop.minutes(1)
    shop.headers = {}
    for _ in range(3):
        await shop.customer_pays()
    await shop.minutes(2)


@drill("NoChargeSucceeds", "ChargeErrorsBurnFast", "GatewayDegraded")
async def the_gateway_cannot_be_reached(shop: Shop) -> None:
    shop.fault = GatewayFaultKind.UNREACHABLE
    await shop.minutes(22)


@drill(
    *("ChargeErrorsBurnFast", "PaymentWithoutOutcome", "NoChargeSucceeds"),
    *("GatewayDegraded", "GatewayCallsFail"),
)
async def the_gateway_does_not_reply(shop: Shop) -> None:
    shop.fault = GatewayFaultKind.REQUEST_LOST
    for _ in range(22):
        for _ in range(50):
            shop.faults.add("find", GatewayFaultKind.UNREACHABLE)
        await shop.minutes(1)


@drill("ChargeErrorsBurnSlowly")
async def one_attempt_in_ten_fails_for_hours(shop: Shop) -> None:
    # More errors, and longer, than just enough: Prometheus extrapolates what it has scraped.
    for turn in range(75):
        shop.fault = GatewayFaultKind.UNREACHABLE if turn < 8 else None
        await shop.minutes(1)


@drill("DeclinesUnusual")
async def nearly_every_card_is_declined(shop: Shop) -> None:
    shop.customers = 2
    for turn in range(35):
        shop.token = "tok_visa" if turn % 4 == 0 else "tok_chargeDeclined"
        await shop.minutes(1)


@drill("CardTesting", limits=DeclineLimits(max_declines={"user": 3}))
async def a_program_tries_cards(shop: Shop) -> None:
    shop.token, shop.customers = "tok_chargeDeclined", 25
    await shop.minutes(6)


@drill("PendingForTooLong")
async def a_debit_is_pending_for_weeks(shop: Shop) -> None:
    await shop.create_order("debit")
    await shop.pay(evolve(VISA, value="pm_usBankAccount_processing"), OrderId("debit"))
    shop.advance(hours=22 * 24)
    shop.scrapes.clear()
    await shop.minutes(7)


@drill("PaymentInReview")
async def the_gateway_captures_another_amount(shop: Shop) -> None:
    shop.faults.mischarge(dollars("1"))
    await shop.minutes(7)


@drill("RefundFailed")
async def the_bank_rejects_a_refund(shop: Shop) -> None:
    await pay_and_refund(shop)
    [refund] = shop.order("bought").refunds
    await shop.gateway.finish_refund(refund.payment_id, refund.id, succeeded=False)
    await shop.minutes(15)


@drill("RefundPendingForLong")
async def a_refund_is_pending_for_days(shop: Shop) -> None:
    await pay_and_refund(shop)
    shop.advance(hours=80)
    shop.scrapes.clear()
    await shop.minutes(7)


async def pay_and_refund(shop: Shop) -> None:
    await shop.create_order("bought")
    result = await shop.pay(evolve(VISA, value="tok_pendingRefund"), OrderId("bought"))
    await shop.use_cases().refund_payment(result.payment.id, 1_000)


@drill("HistoryRootStale", "WorkerLoopFails")
async def roots_cannot_be_recorded(shop: Shop) -> None:
    shop.failing.add("record history root")
    await shop.minutes(25)


@drill("BooksDiffer")
async def a_gateway_has_charged_another_amount(shop: Shop) -> None:
    await shop.create_order("bought")
    payment = (await shop.pay(VISA, OrderId("bought"))).payment
    record = shop.ledger.records[payment.id]
    attempts = tuple(evolve(each, amount=dollars("90")) for each in record.attempts)
    shop.ledger.records[payment.id] = evolve(record, attempts=attempts)
    shop.advance(hours=2)
    shop.scrapes.clear()
    await shop.minutes(7)


@drill("ReconciliationStale", "WorkerMissing", lead=200, roles=("replicate", "relay", "recover"))
async def no_worker_reconciles(shop: Shop) -> None:
    shop.advance(hours=3)
    shop.scrapes.clear()
    await shop.minutes(13)


# --- attention ----------------------------------------------------------------------------------

NOW_KINDS: Final = (
    AlertKind.BOOKS_BEHIND,
    AlertKind.CONSUMER_UNSUITABLE,
    AlertKind.DATABASE_REFUSAL,
    AlertKind.PERMISSION_MISSING,
    AlertKind.SIGN_IN_UNAVAILABLE,
)


@drill("AttentionNow", "NoChargeSucceeds", "ChargeErrorsBurnFast", "GatewayDegraded")
async def the_gateway_refuses_our_key(shop: Shop) -> None:
    shop.fault = GatewayFaultKind.FORBIDDEN
    await shop.minutes(22)


@drill("AttentionNow")
async def something_is_reported_that_stops_the_shop(shop: Shop) -> None:
    for kind in NOW_KINDS:
        await shop.alerts.report(kind, "subject", "text")
    await shop.minutes(3)


@drill("Attention")
async def a_payment_is_charged_twice(shop: Shop) -> None:
    shop.faults.add("charge", GatewayFaultKind.CHARGED_TWICE)
    await shop.minutes(3)


@drill("Attention")
async def the_stream_of_orders_is_deleted_and_created_again(shop: Shop) -> None:
    """The books know a stream of another identity; the consumers of the new one are new, too."""
    shop.broker.log.clear()
    for durable in shop.broker.durables:
        shop.broker.replace_consumer(durable, begin=None)
    for name, (copy, position) in shop.database.positions.items():
        shop.database.positions[name] = copy, evolve(position, stream_id="the one before")
    await shop.minutes(3)


@drill("SignInsRefused")
async def the_key_of_the_tokens_is_another_one(shop: Shop) -> None:
    shop.headers = {"authorization": f"Bearer {a_token(key='another')}"}
    shop.customers = 4
    await shop.minutes(12)


# --- slow ---------------------------------------------------------------------------------------


@drill("ChargesSlow")
async def charges_take_long(shop: Shop) -> None:
    """Only the measured time is made, because nobody waits for it here."""
    seconds = histogram(shop.serve_registry, "payments_http_request_seconds")
    for _ in range(15):
        for _ in range(3):
            seconds.labels("POST", "/api/payments").observe(9.0)
        await shop.minutes(1)


def histogram(registry: CollectorRegistry, name: str) -> Histogram:
    """Return a histogram of a registry."""
    found = registry._names_to_collectors[name]
    assert isinstance(found, Histogram)
    return found


class HangingConnector:
    """Connects to a server that never replies."""

    async def connect(self) -> Any:
        await asyncio.Event().wait()


@drill("DatabasePoolExhausted", pool=ConnectionPool(HangingConnector(), 1))  # type: ignore[arg-type]
async def all_connections_are_in_use(shop: Shop) -> None:
    pool = shop.pool
    assert isinstance(pool, ConnectionPool)
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[object]] = []

        async def acquire() -> None:
            tasks.extend(group.create_task(pool.acquire()) for _ in range(2))
            await asyncio.sleep(0)

        shop.before_scrape = acquire
        await shop.minutes(8)
        for task in tasks:
            task.cancel()


# --- stuck --------------------------------------------------------------------------------------


@drill("EventsNotPublished")
async def nats_is_down(shop: Shop) -> None:
    shop.failing.add("broker")
    await shop.minutes(4)


@drill("EventParked")
async def an_event_is_too_large(shop: Shop) -> None:
    await shop.create_order("bought")
    payment = (await shop.pay(VISA, OrderId("bought"))).payment
    await shop.use_cases().refund_payment(payment.id, 1_000, reason="x" * 70_000)
    await shop.minutes(7)


@drill("OrderEventsWaiting")
async def events_cannot_be_applied(shop: Shop) -> None:
    for number in range(1_100):
        body = b'{"id": "many-%d", "version": 1, "ticket": {"id": "1"}}' % number
        shop.broker.store(Message("order:cancelled", body, {}))
    shop.customers = 0
    shop.failing.add("commit")
    await shop.minutes(14)


@drill("DeadLetter")
async def an_event_cannot_be_read(shop: Shop) -> None:
    shop.broker.store(Message("order:created", b"{", {}))
    await shop.minutes(2)


@drill("NotificationsDeferredForLong", "WorkerMissing", roles=("replicate", "relay", "reconcile"))
async def nobody_applies_deferred_webhooks(shop: Shop) -> None:
    await shop.receive(about_an_unknown_charge())
    shop.advance(hours=74)
    shop.scrapes.clear()
    await shop.minutes(7)


def about_an_unknown_charge() -> DisputeNotification:
    lost = DisputeId("dp_1"), dollars("1"), "fraudulent", DisputeStatus.OPEN
    return DisputeNotification("evt_1", ChargeId("ch_9"), *lost)


@drill("NotificationUnusable")
async def a_webhook_cannot_be_understood(shop: Shop) -> None:
    await shop.receive(UnusableNotification("evt_1", "the event type is unknown"), b"{}")
    await shop.minutes(7)


@drill("WorkerLoopFails")
async def the_database_is_away_at_night(shop: Shop) -> None:
    shop.customers = 0
    shop.failing.add("database")
    await shop.minutes(14)


@drill("WorkerMissing", "ProcessDown", "EventsNotPublished")
async def no_worker_runs(shop: Shop) -> None:
    shop.down.add(WORKER)
    await shop.minutes(8)


# --- machine ------------------------------------------------------------------------------------


@drill("ServeMissing", "ProcessDown")
async def nobody_serves_requests(shop: Shop) -> None:
    shop.down.add(SERVE)
    await shop.minutes(8)


@drill("ClockSkew")
async def the_clock_of_a_host_is_wrong(shop: Shop) -> None:
    shop.clock_offset = timedelta(seconds=30)
    await shop.minutes(5)


@drill("UnexpectedError")
async def a_bug_answers_500(shop: Shop) -> None:
    async def bug(_step: str) -> None:
        raise RuntimeError("a bug")

    order_id, body = await shop.create_order("bought"), {"token": "tok_visa", "orderId": "bought"}
    shop.checkpoint = bug
    reply = await shop.app.post("/api/payments", json=body, headers=shop.headers)
    assert (reply.status_code, order_id) == (500, "bought")
    shop.checkpoint = proceed
    await shop.minutes(2)


@drill("FilesRunOut")
async def connections_leak(shop: Shop) -> None:
    """The limit of this process is lowered to what it has open, instead of the reverse."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 1, hard))

    shop.before_scrape = lower
    try:
        await shop.minutes(8)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
