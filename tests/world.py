"""One payments service in memory: the world of every test that needs no real server.

`World()` has an in-memory database, gateway and broker, and one clock. They outlive the processes
of the service; `use_cases(name)` builds the real use cases for one process, with the `limits`.

- Time: `now()`, `advance(seconds=…, minutes=…, hours=…)`.
- Actions: `create_order`, `replicate`, `cancel_order`, `pay`, `recover`, `receive`,
  `deliver_notifications`, and `come_to_rest`, which also checks every invariant.
- State: `orders`, `order()`, `payment()`, `charges`, `refunds`, `balance`, `events`,
  `count_events(subject)`, `unsent_events`, `steps`, `violations`.
- Faults: `faults.add("charge", GatewayFaultKind.REPLY_LOST)` for the gateway; `failing` for
  database and broker; `checkpoint` (tests/checkpoints.py) is awaited at every step of all three.
"""

import asyncio
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from attrs import Factory, define, field

from adapters.gateways.in_memory import Faults, GatewayLedger, InMemoryGateway
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher
from adapters.persistence.in_memory import (
    InMemoryAlertStore,
    InMemoryBooks,
    InMemoryDatabase,
    InMemoryDeclineCounter,
    InMemoryDifferences,
    InMemoryIdempotencyStore,
    InMemoryOrderHistories,
    InMemoryOutboxQueue,
    InMemoryPaymentPages,
    InMemoryStreamPositions,
    InMemoryUnusableNotifications,
)
from application.acting import current_actor
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateway_notifications import Notification
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.inbound_events import InboundEvents
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import StorageUnavailable
from application.throttled_alerts import ThrottledAlerts
from application.use_cases.align_streams import AlignStreams
from application.use_cases.cancel_order import OrderCancellation
from application.use_cases.pay_order import ChargeResult, PayOrder
from domain.capture import CaptureMode
from domain.claim import ExpectedAmount
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order import Order
from domain.order_reviews import ReviewDecision
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.replica import OrderReplica
from entrypoints.logs import redact
from entrypoints.trace_context import current_traceparent
from entrypoints.worker.alignment import Alignment
from payments_kit.simulation.snapshot import charges_at, delivered_event, refunds_at
from tests.builders import NOW, ORDER, PAYER, cancelled_event, created_event
from tests.checkpoints import Checkpoint, proceed
from tests.documents.event_schemas import undescribed
from tests.promises import (
    Delivered,
    GatewayCharge,
    GatewayRefund,
    Observations,
    RecordedReply,
    broken_promises,
)

VISA: Final = CardToken("tok_visa")
DECLINED: Final = CardToken("tok_chargeDeclined")
AUTHENTICATING: Final = CardToken("tok_threeDSecureRequired")

# A customer may take an hour to authenticate, and each turn takes at least 20 s.
MAX_TURNS: Final = 300


class GatewayWithoutChargeList(InMemoryGateway):
    """The in-memory gateway, without what only a comparison of the books needs."""

    list_charges = None  # type: ignore[assignment]


class AtOnceGateway(GatewayWithoutChargeList):
    """The in-memory gateway, if it could capture at once only."""

    capture = None  # type: ignore[assignment]


@define
class World:
    """A database, a gateway, a broker and a clock, shared by every process of the service."""

    time: datetime = NOW
    limits: DeclineLimits = DeclineLimits()
    capture_mode: CaptureMode = CaptureMode.AUTOMATIC
    gateway_type: type[InMemoryGateway] = GatewayWithoutChargeList
    """With InMemoryGateway itself, each process compares its books with the list of charges."""
    checkpoint: Checkpoint = proceed
    faults: Faults = field(factory=Faults)
    failing: set[str] = field(factory=set)
    """`database`, `broker`, or names of their steps: they raise StorageUnavailable or
    BrokerUnavailable for as long as they are listed."""
    steps: list[str] = field(factory=list)
    """Every step so far of the database, the gateway and the broker."""
    database_steps: set[str] = field(factory=set)
    """The names of the database's steps so far."""
    replies: list[RecordedReply] = field(factory=list)
    reviewed: list[PaymentId] = field(factory=list)
    acknowledged: list[OrderReplica] = field(factory=list)
    database: InMemoryDatabase = Factory(
        lambda self: InMemoryDatabase(self.now, self._database_step), takes_self=True
    )
    ledger: GatewayLedger = Factory(lambda self: GatewayLedger(self.now), takes_self=True)
    broker: InMemoryBroker = Factory(
        lambda self: InMemoryBroker(self.now, self._broker_step), takes_self=True
    )
    alerts: ThrottledAlerts = Factory(
        lambda self: ThrottledAlerts(InMemoryAlertStore(self.database), self.seconds, redact),
        takes_self=True,
    )
    """The alerts of all processes."""
    others: list[InMemoryGateway] = field(factory=list)
    """Gateways besides `gateway`; see `add_gateway`."""
    removed: set[str] = field(factory=set)
    """The names of gateways that the settings no longer have."""
    routes: dict[str, tuple[str, ...]] = field(factory=dict)
    """By currency: the gateways that it may use."""
    _ids: "count[int]" = field(factory=lambda: count(1))

    def now(self) -> datetime:
        """Return the time of the one clock."""
        return self.time

    def seconds(self) -> float:
        """Return the time of the one clock as a number."""
        return self.time.timestamp()

    def advance(self, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Move the clock forward."""
        self.time += timedelta(seconds=seconds, minutes=minutes, hours=hours)

    def pass_time(self, time: timedelta) -> None:
        """Move the clock forward."""
        self.time += time

    @property
    def gateway(self) -> InMemoryGateway:
        """A new connection to the gateway."""
        return self.gateway_type(self.ledger, self.faults, self._step, sleep=self._sleep)

    @property
    def gateways(self) -> Gateways:
        """The gateways of the settings: `gateway` first, unless it was removed."""
        adapters = [] if self.gateway.name in self.removed else [self.gateway]
        adapters += [each for each in self.others if each.name not in self.removed]
        found = {each.name: ConfiguredGateway(each, each.name) for each in adapters}
        routes = {code: tuple(map(found.__getitem__, names)) for code, names in self.routes.items()}
        return Gateways(tuple(found.values()), routes)

    @property
    def ledgers(self) -> list[GatewayLedger]:
        """The records of all gateways."""
        return [self.ledger, *(each.ledger for each in self.others)]

    def add_gateway(self, name: str, kind: type[InMemoryGateway] | None = None) -> InMemoryGateway:
        """Let the settings have another gateway, after those that they have."""
        kind = kind or self.gateway_type
        ledger = GatewayLedger(self.now, prefix=f"{name}_")
        gateway = kind(ledger, Faults(), self._step, name=name, sleep=self._sleep)
        self.others.append(gateway)
        return gateway

    @property
    def idempotency_store(self) -> InMemoryIdempotencyStore:
        """The stored replies."""
        return InMemoryIdempotencyStore(self.database)

    @property
    def unusable(self) -> InMemoryUnusableNotifications:
        """The notifications that are kept because they cannot be used."""
        return InMemoryUnusableNotifications(self.database)

    def use_cases(self, name: str = "process-1", gateways: Gateways | None = None) -> UseCases:
        """Build the use cases of one process, with other gateways; the name is its relay's."""
        ports = Ports(
            begin=lambda: self.database.begin(current_traceparent, current_actor),
            outbox=InMemoryOutboxQueue(self.database),
            publisher=InMemoryPublisher(self.broker),
            gateways=gateways or self.gateways,
            declines=InMemoryDeclineCounter(self.database),
            now=self.now,
            new_id=lambda: f"id-{next(self._ids)}",
            relay_name=name,
            alerts=self.alerts,
            unusable=self.unusable,
            books=InMemoryBooks(self.database),
            differences=InMemoryDifferences(self.database),
            payment_pages=InMemoryPaymentPages(self.database),
            histories=InMemoryOrderHistories(self.database),
        )
        return compose(ports, self.limits, self.capture_mode)

    def alignment(self, events: InboundEvents) -> Alignment:
        """Return what sets a subscription back to where the books end."""
        positions = InMemoryStreamPositions(self.database)
        return Alignment(AlignStreams(events, positions, self.alerts))

    async def _step(self, step: str) -> None:
        self.steps.append(step)
        await self.checkpoint(step)

    async def _database_step(self, step: str) -> None:
        self.database_steps.add(step)
        if not self.failing.isdisjoint({"database", step}):
            raise StorageUnavailable("the database is down")
        await self._step(step)

    async def _broker_step(self, step: str) -> None:
        if not self.failing.isdisjoint({"broker", step}):
            raise BrokerUnavailable("the broker is down")
        await self._step(step)

    async def _sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)

    # --- actions --------------------------------------------------------------------------------

    async def replicate(self, *events: OrderReplica) -> None:
        """Receive order events, commit and acknowledge them."""
        await self.use_cases().replicate_order(events)
        self.acknowledged.extend(events)

    async def create_order(self, order_id: str = ORDER, **terms: Any) -> OrderId:
        """Receive an `order:created` event; the terms are those of `created_event`."""
        await self.replicate(created_event(order_id, **terms))
        return OrderId(order_id)

    async def cancel_order(self, order_id: OrderId = ORDER, version: int = 1) -> None:
        """Receive an `order:cancelled` event."""
        await self.use_cases().cancel_order([OrderCancellation(order_id, version)])
        self.acknowledged.append(cancelled_event(order_id, version))

    async def pay(
        self,
        token: CardToken = VISA,
        order_id: OrderId = ORDER,
        payer: UserId = PAYER,
        expected: ExpectedAmount = ExpectedAmount(),
        sources: tuple[str, ...] = (),
        gateway: str | None = None,
    ) -> ChargeResult:
        """Pay for an order, and record the reply that the customer gets."""
        command = PayOrder(order_id, payer, token, expected, sources, gateway)
        result = await self.use_cases().create_charge(command)
        kinds = {PaymentStatus.SUCCEEDED: "paid", PaymentStatus.FAILED: "declined"}
        if (kind := kinds.get(result.payment.status)) is not None:
            self.replies.append(RecordedReply(kind, result.payment.id))
        return result

    async def review(self, decision: ReviewDecision) -> Payment:
        """Decide about the payment as an operator does."""
        payment_id = self.payment().id
        self.reviewed.append(payment_id)
        return await self.use_cases().review_payment(payment_id, decision, "because")

    async def recover(self) -> int:
        """Run recovery once; return the number of orders that were checked."""
        return await self.use_cases().recover_payments.run_once()

    async def receive(self, notification: Notification, body: bytes = b"") -> bool:
        """Receive a webhook; return whether it was new."""
        return await self.use_cases().keep_notification(self.gateway.name, notification, body)

    async def deliver_notifications(self) -> None:
        """Receive every webhook that the gateway has sent so far, in order."""
        self.ledger.apply_delayed()
        for notification in list(self.ledger.notifications):
            await self.receive(notification)

    async def come_to_rest(self) -> None:
        """End all faults, run recovery and relay until all is done, and check the invariants."""
        last_fault, self.checkpoint = self.checkpoint, proceed
        self.failing.clear()
        for gateway in (self.gateway, *self.others):
            assert isinstance(gateway.faults, Faults)
            gateway.faults.waiting.clear()
        await self._finish_everything()
        assert not self.violations, (self.violations, last_fault)

    async def _finish_everything(self) -> None:
        process = self.use_cases("process-at-rest")
        for _ in range(MAX_TURNS):
            await process.apply_deferred_notifications.run_once()
            while await process.relay_outbox.run_once():
                pass
            entities = [each for order in self.orders for each in order.payments + order.refunds]
            checks = [each.next_check_at for each in entities if each.next_check_at is not None]
            if not checks and not self.unsent_events:
                return
            self.time = max(self.time + timedelta(seconds=20), min(checks, default=self.time))
            await process.recover_payments.run_once()
        raise AssertionError(f"not at rest after {MAX_TURNS} turns: {self.orders}")

    # --- state ----------------------------------------------------------------------------------

    @property
    def orders(self) -> list[Order]:
        """Every order in the database."""
        return [order for _, order in self.database.orders.values()]

    def order(self, order_id: str = ORDER) -> Order:
        """Return an order from the database."""
        return self.database.orders[OrderId(order_id)][1]

    def payment(self, number: int = 0) -> Payment:
        """Return a payment of the default order."""
        return self.order().payments[number]

    @property
    def charges(self) -> list[GatewayCharge]:
        """The charges that succeeded at the gateway."""
        return [charge for ledger in self.ledgers for charge in charges_at(ledger)]

    @property
    def refunds(self) -> list[GatewayRefund]:
        """The refunds that succeeded at the gateway."""
        return [refund for ledger in self.ledgers for refund in refunds_at(ledger)]

    @property
    def balance(self) -> int:
        """Minor units captured and not refunded at the gateway, of all orders together."""
        captured = sum(charge.amount.minor_units for charge in self.charges)
        return captured - sum(refund.amount.minor_units for refund in self.refunds)

    @property
    def events(self) -> list[Delivered]:
        """The events of ours that a consumer has received, repeated ones included."""
        messages = [stored.message for stored in self.broker.log]
        return [delivered_event(message) for message in messages if "ce-id" in message.headers]

    def count_events(self, subject: str) -> int:
        """Return how many different events of a subject a consumer has received."""
        return len({event.id for event in self.events if event.subject == subject})

    @property
    def unsent_events(self) -> int:
        """The number of events in the outbox that are still to be published."""
        entries = self.database.outbox.values()
        return sum(not entry.sent and entry.parked is None for entry in entries)

    @property
    def observations(self) -> Observations:
        """What the invariants are checked on."""
        return Observations(
            charges=self.charges,
            refunds=self.refunds,
            orders=self.orders,
            delivered=self.events,
            replies=self.replies,
            acknowledged=self.acknowledged,
            reviewed=self.reviewed,
            secrets=[VISA.value, DECLINED.value, AUTHENTICATING.value, "_secret_"],
            texts=[repr(self.database.outbox), repr(self.database.inbox)],
        )

    @property
    def violations(self) -> list[str]:
        """The invariants that do not hold; some hold only once the world is at rest."""
        messages = [stored.message for stored in self.broker.log]
        ours = [message for message in messages if "ce-id" in message.headers]
        return [*broken_promises(self.observations), *undescribed(ours)]
