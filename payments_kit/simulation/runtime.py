"""The real composition on parts in memory that outlive every crash and misbehave as the dice say."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from attrs import define, field, frozen

from adapters.gateways.gateway_record import AttemptState, Mischarge, RefundState
from adapters.gateways.in_memory import (
    GatewayFault,
    GatewayFaultKind,
    GatewayLedger,
    InMemoryGateway,
)
from adapters.messaging.in_memory import (
    InMemoryBroker,
    InMemoryPublisher,
    InMemorySubscription,
    Stored,
)
from adapters.messaging.wire import Message
from adapters.persistence.in_memory import (
    InMemoryDatabase,
    InMemoryDeclineCounter,
    InMemoryIdempotencyStore,
    InMemoryOutboxQueue,
)
from application.application import Ports, UseCases, compose
from application.ports.clock import NewId
from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateway_notifications import (
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
)
from application.ports.payment_gateway import CALL_SECONDS
from application.ports.unit_of_work import Conflict, StorageUnavailable
from domain.identifiers import OrderId, PaymentId
from domain.money import Money
from domain.order import Order
from domain.refund import Refunded
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.invariants import ChargeThere, Delivered, RefundThere
from payments_kit.simulation.loop import (
    SimulatedLoop,
    SimulatedProcess,
    current_life,
    let_others_run,
    who,
)
from payments_kit.simulation.trace import Trace, changes

BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When every simulated world begins; any moment would do."""

_LATEST: Final = 20 * 3600.0
"""A request lands within Stripe's 24 hours or never."""


class _Books(dict[OrderId, tuple[int, Order]]):
    """The table of bills, telling of every change."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __setitem__(self, order_id: OrderId, row: tuple[int, Order]) -> None:
        before = self.get(order_id)
        for change in changes(order_id, before[1] if before else None, row[1]):
            self._trace.tell(who(), change)
        super().__setitem__(order_id, row)


class _Log(list[Stored]):
    """What the broker has stored, telling of every message of ours."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def append(self, stored: Stored) -> None:
        event_id = stored.message.headers.get("ce-id")
        if event_id is not None:
            self._trace.tell("broker", f"stores {event_id}")
        super().append(stored)


class _Notices(list[Notification]):
    """What the gateway has to tell, sent on its way at once."""

    def __init__(self, send: Callable[[Notification], None]) -> None:
        super().__init__()
        self._send = send

    def append(self, notification: Notification) -> None:
        super().append(notification)
        self._send(notification)


@frozen
class Snapshot:
    """What is there to be checked; the names are promises.Findings'."""

    charges: list[ChargeThere]
    refunds: list[RefundThere]
    orders: list[Order]
    seen: list[Delivered]
    dead_letters: list[bytes]
    unsent: int
    texts: list[str]


def charges_at(ledger: GatewayLedger) -> list[ChargeThere]:
    """The money that the gateway has taken, by its own books."""
    return [
        ChargeThere(attempt.charge_id, payment_id, attempt.amount)
        for payment_id, record in ledger.all()
        for attempt in record.attempts
        if attempt.state is AttemptState.SUCCEEDED
    ]


def refunds_at(ledger: GatewayLedger) -> list[RefundThere]:
    """The money that the gateway has given back, by its own books."""
    return [
        RefundThere(given.charge_id, given.amount, given.refund_id)
        for _, record in ledger.all()
        for given in record.refunds
        if given.state is RefundState.SUCCEEDED
    ]


def seen_in(message: Message) -> Delivered:
    """What a consumer of our events makes of one."""
    body = json.loads(message.data, parse_float=Decimal)
    return Delivered(message.headers["ce-id"], message.subject, body["orderId"], body["id"], body)


@define
class SimulatedRuntime:
    """Database, broker and gateway of one world."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    latency: float
    send_notice: Callable[[Notification], None]
    on_crash: Callable[[SimulatedProcess], None]
    database_down_until: float = 0.0
    broker_down_until: float = 0.0
    gateway_down_until: float = 0.0
    database: InMemoryDatabase = field(init=False)
    broker: InMemoryBroker = field(init=False)
    ledger: GatewayLedger = field(init=False)
    _bank: InMemoryGateway = field(init=False)
    _stall: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.database = InMemoryDatabase(self.now, self._database_step, orders=_Books(self.trace))
        self.broker = InMemoryBroker(
            self.now,
            self._broker_step,
            self._arrange,
            lambda event_id: self.injector.strikes_now(FaultKind.PUBLISH_REPLY_LOST, event_id),
            log=_Log(self.trace),
        )
        self.ledger = GatewayLedger(self.now, notifications=_Notices(self.send_notice))
        self._bank = InMemoryGateway(self.ledger)

    def now(self) -> datetime:
        """The virtual time: the database's clock, and everybody's that is well."""
        return BEGINNING + timedelta(seconds=self.loop.time())

    def use_cases(self, life: SimulatedProcess, skew: timedelta, new_id: NewId) -> UseCases:
        """What one process can do, with lines of its own to all of these."""
        ports = Ports(
            begin=self.database.begin,
            outbox=InMemoryOutboxQueue(self.database),
            publisher=InMemoryPublisher(self.broker),
            gateway=self.gateway(),
            declines=InMemoryDeclineCounter(self.database),
            now=(lambda: self.now() + skew) if skew else self.now,
            new_id=new_id,
            relay_name=life.name,
        )
        return compose(ports)

    def gateway(self) -> InMemoryGateway:
        """A line to the gateway."""
        return InMemoryGateway(self.ledger, self, self._gateway_step)

    def answers(self) -> InMemoryIdempotencyStore:
        """The answers given to requests with an idempotency key."""
        return InMemoryIdempotencyStore(self.database)

    def subscribe(self, durable: str, *subjects: str) -> InMemorySubscription:
        """Join a durable subscription."""
        return self.broker.subscribe(durable, *subjects)

    def publish(self, subject: str, data: bytes) -> None:
        """Store an event of others."""
        self.broker.store(Message(subject, data, {}))

    @property
    def next_delivery(self) -> datetime | None:
        """When the broker has something to deliver next."""
        due = [at for each in self.broker._consumers.values() for at in each.due.values()]
        if any(each.seen < len(self.broker.log) for each in self.broker._consumers.values()):
            due.append(self.now())
        return min(due, default=None)

    async def authenticate(self, payment_id: PaymentId, succeeded: bool) -> None:
        """The customer comes back from the bank."""
        await self._bank.complete_authentication(payment_id, succeeded)

    async def banks_finish_refunds(self) -> None:
        """Have every refund that waits for a bank finished: it succeeds, bad luck aside."""
        for payment_id, record in list(self.ledger.all()):
            for given in record.refunds:
                if given.state is RefundState.PENDING and given.refund_id is not None:
                    succeeded = not self.injector.strikes_now(FaultKind.REFUND_FAILS, "bank")
                    await self._bank.finish_refund(payment_id, given.refund_id, succeeded)

    def charged_payments(self) -> list[PaymentId]:
        """The payments that the gateway has taken money for, whether we know of it or not."""
        return [payment_id for payment_id, record in self.ledger.all() if record.charged]

    async def refund_externally(
        self, payment_id: PaymentId, minor_units: int | None
    ) -> Notification | None:
        """Give back some of what is left, past us; what the gateway has to tell of it."""
        record = self.ledger.records[payment_id]
        attempt = record.charged
        if attempt is None or record.left(attempt).is_zero:
            return None
        left = record.left(attempt)
        amount = Money(min(minor_units or left.minor_units, left.minor_units), left.currency)
        reference = await self._bank.refund_externally(payment_id, amount)
        if reference is None:
            return None
        refunded = Refunded(reference, amount)
        return ExternalRefundNotification(
            f"evt_{reference}", attempt.charge_id, reference, amount, refunded
        )

    def deliver_something_again(self, draw: random.Random) -> None:
        """Lose what the broker knows of one acknowledgement."""
        durable = draw.choice(sorted(self.broker._consumers))
        consumer = self.broker._consumers[durable]
        delivered = sorted(consumer.deliveries)
        if delivered:
            self.broker.deliver_again(durable, draw.choice(delivered))

    def database_down_for(self, seconds: float) -> None:
        """Have the database refuse everybody for a while."""
        self.database_down_until = max(self.database_down_until, self.loop.time() + seconds)

    def heal(self) -> None:
        """Bring everything back."""
        self.database_down_until = self.broker_down_until = self.gateway_down_until = 0.0

    @property
    def events_wait(self) -> bool:
        """Whether anything in the outbox is to be published."""
        outbox = self.database.outbox.values()
        return any(not each.sent and each.parked is None for each in outbox)

    def next_event(self) -> float | None:
        """When something happens next, if everybody is idle until then."""
        looks = [
            look
            for _, order in self.database.orders.values()
            for look in (
                *(p.next_check_at for p in order.payments),
                *(r.next_check_at for r in order.refunds),
            )
            if look is not None
        ]
        if self.events_wait and self.database.relay is not None:
            looks.append(self.database.relay[1])
        if (delivery := self.next_delivery) is not None:
            looks.append(delivery)
        times = [(look - BEGINNING).total_seconds() for look in looks]
        if (timer := self.loop.next_timer()) is not None:
            times.append(timer)
        return min(times, default=None)

    def what_is_there(self) -> Snapshot:
        """Everything at the gateway, in the database and in the broker."""
        stored = [each.message for each in self.broker.log if "ce-id" in each.message.headers]
        records = self.database.outbox.values()
        return Snapshot(
            charges=charges_at(self.ledger),
            refunds=refunds_at(self.ledger),
            orders=[order for _, order in self.database.orders.values()],
            seen=[seen_in(message) for message in stored],
            dead_letters=[letter.data for letter in self.broker.letters.values()],
            unsent=sum(not each.sent for each in records),
            texts=[repr(list(records)), repr(self.database.remembered), repr(stored)],
        )

    # --- what goes wrong -----------------------------------------------------------------------

    async def _pass(self) -> None:
        """Let a round trip take its time, and whatever happens to a process happen."""
        life = current_life()
        if life is not None:
            if self.injector.strikes_now(FaultKind.CRASH, life.name):
                life.crash()
                self.on_crash(life)
            elif self.injector.strikes_now(FaultKind.PAUSE, life.name):
                self.loop.put_to_sleep(life, self.injector.between(FaultKind.PAUSE, 4.0, 90.0))
        if self.latency:
            await asyncio.sleep(self.loop.draw() * self.latency)
        else:
            await let_others_run()

    async def _database_step(self, step: str) -> None:
        strikes_now = self.injector.strikes_now
        if self.loop.time() < self.database_down_until:
            await self._pass()
            raise StorageUnavailable("the database is down")
        if strikes_now(FaultKind.DATABASE_SLOW):
            await asyncio.sleep(10 ** self.injector.between(FaultKind.DATABASE_SLOW, -1.0, 1.5))
        await self._pass()
        if step == "committed":
            if strikes_now(FaultKind.COMMIT_REPLY_LOST):
                raise Conflict("the reply was lost")
            if strikes_now(FaultKind.COMMITTED_THEN_GONE):
                raise StorageUnavailable("connection gone")
            return
        if step == "commit" and strikes_now(FaultKind.SERIALIZATION_FAILURE):
            raise Conflict("could not serialize access")
        if strikes_now(FaultKind.CONNECTION_GONE):
            raise StorageUnavailable("connection gone")

    async def _broker_step(self, step: str) -> None:
        down = self.loop.time() < self.broker_down_until
        await self._pass()
        if down:
            raise BrokerUnavailable("the broker is down")
        if step.startswith("published"):
            if self.injector.strikes_now(FaultKind.PUBLISH_TIMED_OUT):
                raise BrokerUnavailable("no reply")
        elif self.injector.strikes_now(FaultKind.BROKER_REFUSES):
            raise BrokerUnavailable("connection gone")

    def _arrange(self, some: Sequence[Stored]) -> Sequence[Stored]:
        if len(some) > 1 and self.injector.strikes_now(FaultKind.REORDERED, "broker"):
            shuffled = list(some)
            self.injector.stream(FaultKind.REORDERED).shuffle(shuffled)
            # A batch that ends early splits what would otherwise be folded into one commit.
            return shuffled[: self.injector.stream(FaultKind.REORDERED).randint(1, len(shuffled))]
        return some

    async def _gateway_step(self, step: str) -> None:
        if step == "charge answered" and self.injector.strikes_now(FaultKind.DATABASE_DOWN):
            # The worst moment: the money is taken, and nobody can write it down.
            self.database_down_for(10 ** self.injector.between(FaultKind.DATABASE_DOWN, 0.0, 1.6))
        if self._stall:
            seconds, self._stall = self._stall, 0.0
            await asyncio.sleep(seconds)
        await self._pass()

    def next(self, step: str, payment_id: PaymentId) -> GatewayFault | None:
        """What goes wrong with the next request to the gateway."""
        self.trace.tell(who(), f"asks the gateway: {step} payment {payment_id}")
        if self.loop.time() < self.gateway_down_until:
            if self.injector.stream(FaultKind.GATEWAY_DOWN).random() < 0.5:
                self._stall = CALL_SECONDS
                return GatewayFault(GatewayFaultKind.REQUEST_LOST)
            return GatewayFault(GatewayFaultKind.UNREACHABLE)
        for kind, gateway_kind in _GATEWAY_FAULTS.items():
            if self.injector.strikes_now(kind, f"gateway {step}"):
                return self._fault(kind, gateway_kind, payment_id)
        if step == "charge" and self.injector.strikes_now(FaultKind.GATEWAY_MISCHARGES, "gateway"):
            return GatewayFault(GatewayFaultKind.MISREPORTED, mischarge=self._slip(payment_id))
        return None

    def _fault(
        self, kind: FaultKind, gateway_kind: GatewayFaultKind, payment_id: PaymentId
    ) -> GatewayFault:
        stream = self.injector.stream(kind)
        if gateway_kind is GatewayFaultKind.SLOW:
            return GatewayFault(gateway_kind, stream.uniform(0.5, 20.0))
        if (
            gateway_kind not in (GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED)
            and stream.random() < 0.5
        ):
            # Half of the time the connection is reset at once, else the caller waits in vain.
            self._stall = stream.uniform(1.0, CALL_SECONDS)
        if gateway_kind is not GatewayFaultKind.LATE:
            return GatewayFault(gateway_kind)
        seconds = stream.choice(
            (stream.uniform(0.1, 10), stream.uniform(10, 120), stream.uniform(120, _LATEST))
        )
        # The request is on its own now: that it lands is nobody's doing.
        at = self.loop.time() + self._stall + self.latency + seconds + 0.001
        self.loop.call_at(at, self._land, payment_id, context=self.loop.outside)
        return GatewayFault(gateway_kind, seconds)

    def _land(self, payment_id: PaymentId) -> None:
        self.trace.tell("gateway", f"a request for payment {payment_id} lands")
        self.ledger.land()

    def _slip(self, payment_id: PaymentId) -> Mischarge:
        order_id = self.database.order_of[payment_id]
        amount = self.database.orders[order_id][1].payment(payment_id).amount
        return Mischarge(Money(amount.minor_units + 1, amount.currency), livemode=False)


_GATEWAY_FAULTS: Final = {
    FaultKind.GATEWAY_UNREACHABLE: GatewayFaultKind.UNREACHABLE,
    FaultKind.GATEWAY_RATE_LIMITED: GatewayFaultKind.RATE_LIMITED,
    FaultKind.GATEWAY_REQUEST_LOST: GatewayFaultKind.REQUEST_LOST,
    FaultKind.GATEWAY_REPLY_LOST: GatewayFaultKind.REPLY_LOST,
    FaultKind.GATEWAY_LANDS_LATE: GatewayFaultKind.LATE,
    FaultKind.GATEWAY_ERROR: GatewayFaultKind.SERVER_ERROR,
    FaultKind.GATEWAY_ERROR_AFTER: GatewayFaultKind.SERVER_ERROR_AFTER,
    FaultKind.GATEWAY_SLOW: GatewayFaultKind.SLOW,
}


def told(notification: Notification) -> str:
    """What a notice says, in words."""
    match notification:
        case PaymentNotification(notification_id, payment_id, outcome):
            what = type(outcome).__name__ if outcome else "look"
            return f"notice {notification_id}: payment {payment_id} {what}"
        case RefundNotification(notification_id, _, refund_id, refunded):
            return f"notice {notification_id}: refund {refund_id} {type(refunded).__name__}"
        case ExternalRefundNotification(notification_id, charge_id, _, amount, _):
            return f"notice {notification_id}: {amount} of {charge_id} given back by another hand"
        case _:
            return f"notice {notification.id}"
