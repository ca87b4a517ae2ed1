"""A shop in memory: what outlives a replica, and the replicas that come and go."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from attrs import define, field

from adapters.gateways.in_memory import Faults, GatewayLedger, InMemoryGateway
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher
from adapters.persistence.in_memory import (
    InMemoryDatabase,
    InMemoryDeclineCounter,
    InMemoryOutboxQueue,
)
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.payment_gateway import CardToken
from application.use_cases.create_charge import Charge
from domain.identifiers import OrderId, UserId
from domain.order import Order
from domain.payment import Payment, PaymentStatus
from domain.replica import OrderReplica
from payments_kit.simulation.runtime import charges_at, refunds_at, seen_in
from tests.builders import NOW, ORDER, PAYER, created_event
from tests.promises import (
    ChargeThere,
    Delivered,
    Observations,
    RefundRecord,
    RefundThere,
    broken_promises,
)

VISA: Final = CardToken("tok_visa")
DECLINED: Final = CardToken("tok_chargeDeclined")
AUTHENTICATING: Final = CardToken("tok_threeDSecureRequired")

STORAGE_STEPS: Final = frozenset(
    {"read bills", "read due bills", "read inbox", "commit", "committed"}
)
"""What the in-memory database calls its round trips on the way of a charge."""

# A customer may take an hour at the bank, of which a turn takes 20 s at the least.
MAX_TURNS: Final = 300

# A wait that only ends by mistake; nothing here takes longer than milliseconds.
PATIENCE: Final = 20.0

Checkpoint = Callable[[str], Awaitable[None]]


async def go_on(_step: str) -> None:
    """Nothing happens at a checkpoint."""


def shuffled(seed: int) -> Checkpoint:
    """Let the others go first now and then."""
    injector = random.Random(seed)

    async def checkpoint(_step: str) -> None:
        for _ in range(injector.randrange(4)):
            await asyncio.sleep(0)

    return checkpoint


@define
class Crash:
    """Stop for ever at the checkpoint of this number, and at every later one."""

    at: int
    reached: int = 0
    happened: asyncio.Event = field(factory=asyncio.Event)
    step: str = ""

    async def __call__(self, step: str) -> None:
        """Count, or hang."""
        if self.reached >= self.at:
            self.step = self.step or step
            self.happened.set()
            await asyncio.get_running_loop().create_future()
        self.reached += 1


@define
class Raise:
    """Raise this at the step of this number, among those of these names."""

    at: int
    error: Exception
    among: frozenset[str]
    reached: int = 0
    step: str = ""

    async def __call__(self, step: str) -> None:
        """Count, or raise."""
        if step not in self.among:
            return
        self.reached += 1
        if self.reached == self.at + 1:
            self.step = step
            raise self.error


@define
class Shop:
    """One database, one gateway, one broker and one clock for all replicas."""

    moment: datetime = NOW
    checkpoint: Checkpoint = go_on
    faults: Faults = field(factory=Faults)
    database: InMemoryDatabase = field(init=False)
    ledger: GatewayLedger = field(init=False)
    broker: InMemoryBroker = field(init=False)
    answers: list[RefundRecord] = field(factory=list)
    acknowledged: list[OrderReplica] = field(factory=list)
    _ids: "count[int]" = field(factory=lambda: count(1))

    def __attrs_post_init__(self) -> None:
        self.database = InMemoryDatabase(self.now, self._pass)
        self.ledger = GatewayLedger(self.now)
        self.broker = InMemoryBroker(self.now, self._pass)

    def now(self) -> datetime:
        """The one clock."""
        return self.moment

    def let_pass(self, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Let so much time go by."""
        self.moment += timedelta(seconds=seconds, minutes=minutes, hours=hours)

    async def _pass(self, step: str) -> None:
        await self.checkpoint(step)

    async def _sleep(self, seconds: float) -> None:
        self.let_pass(seconds)
        await asyncio.sleep(0)

    @property
    def gateway(self) -> InMemoryGateway:
        """A line to the gateway."""
        return InMemoryGateway(self.ledger, self.faults, self._pass, sleep=self._sleep)

    def replica(self, name: str = "replica-1", limits: DeclineLimits = DeclineLimits()) -> UseCases:
        """A process of ours."""
        ports = Ports(
            begin=self.database.begin,
            outbox=InMemoryOutboxQueue(self.database),
            publisher=InMemoryPublisher(self.broker),
            gateway=self.gateway,
            declines=InMemoryDeclineCounter(self.database),
            now=self.now,
            new_id=lambda: f"id-{next(self._ids)}",
            relay_name=name,
        )
        return compose(ports, limits)

    # --- what happens ---------------------------------------------------------------------------

    async def apply(self, *events: OrderReplica) -> None:
        """Order events arrive, are committed and acknowledged."""
        await self.replica().replicate_order(events)
        self.acknowledged.extend(events)

    async def order(self, order_id: str = ORDER, **terms: object) -> OrderId:
        """An order is made."""
        event = created_event(order_id, **terms)  # type: ignore[arg-type]  # handed through
        await self.apply(event)
        return event.id

    async def pay(
        self, token: CardToken = VISA, order_id: OrderId = ORDER, payer: UserId = PAYER
    ) -> Charge:
        """A customer pays, and keeps the answer."""
        charge = await self.replica().create_charge(order_id, payer, token)
        self.answer(charge)
        return charge

    def answer(self, charge: Charge) -> None:
        """Keep what a customer was told."""
        told = {PaymentStatus.SUCCEEDED: "paid", PaymentStatus.FAILED: "declined"}
        if charge.payment.status in told:
            self.answers.append(RefundRecord(told[charge.payment.status], charge.payment.id))

    async def notify(self) -> None:
        """Everything the gateway has to tell arrives, in order."""
        self.ledger.land()
        for notification in list(self.ledger.notifications):
            await self.replica().receive_notification(notification)

    async def come_to_rest(self) -> None:
        """All is well again: recovery and relay run until nothing is left to look after."""
        self.checkpoint = go_on
        self.faults.waiting.clear()
        replica = self.replica("replica-at-rest")
        for _ in range(MAX_TURNS):
            await replica.apply_deferred_notifications.run_once()
            while await replica.relay_outbox.run_once():
                pass
            looks = [
                next_check_at
                for order in self.orders
                for next_check_at in (
                    *(payment.next_check_at for payment in order.payments),
                    *(refund.next_check_at for refund in order.refunds),
                )
                if next_check_at is not None
            ]
            if not looks and not self.waiting_events:
                return
            self.moment = max(self.moment + timedelta(seconds=20), min(looks, default=self.moment))
            await replica.recover_payments.run_once()
        raise AssertionError(f"no rest in {MAX_TURNS} turns: {self.orders}")

    # --- what stands ----------------------------------------------------------------------------

    @property
    def orders(self) -> list[Order]:
        """Everything in our books."""
        return [order for _, order in self.database.orders.values()]

    def order(self, order_id: OrderId = ORDER) -> Order:
        """The books of one order."""
        return self.database.orders[order_id][1]

    def payment(self, number: int = 0) -> Payment:
        """A payment of the ordinary order."""
        return self.order().payments[number]

    @property
    def waiting_events(self) -> int:
        """How many events are still to be published."""
        records = self.database.outbox.values()
        return sum(not each.sent and each.parked is None for each in records)

    @property
    def charges(self) -> list[ChargeThere]:
        """Money the gateway took."""
        return charges_at(self.ledger)

    @property
    def refunds(self) -> list[RefundThere]:
        """Money the gateway gave back."""
        return refunds_at(self.ledger)

    @property
    def seen(self) -> list[Delivered]:
        """What a consumer of our events heard."""
        return [seen_in(stored.message) for stored in self.broker.log]

    def heard(self, subject: str) -> int:
        """How many different events of that subject a consumer heard."""
        return len({seen.id for seen in self.seen if seen.subject == subject})

    @property
    def kept(self) -> int:
        """Minor units taken and not given back, of all orders together."""
        return sum(charge.amount.minor_units for charge in self.charges) - sum(
            refund.amount.minor_units for refund in self.refunds
        )

    @property
    def broken_promises(self) -> list[str]:
        """What does not hold."""
        return broken_promises(
            Observations(
                charges=self.charges,
                refunds=self.refunds,
                orders=self.orders,
                seen=self.seen,
                answers=self.answers,
                acknowledged=self.acknowledged,
                secrets=[VISA.value, DECLINED.value, AUTHENTICATING.value, "_secret_"],
                texts=[repr(self.database.outbox), repr(self.database.inbox)],
            )
        )
