"""The orders service: creates, changes, cancels and expires orders, and publishes events."""

import asyncio
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from domain.identifiers import OrderId, UserId
from domain.money import Currency, Money
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.model.orders import read_order_event
from payments_kit.simulation.model.records import OrderEvent
from payments_kit.simulation.runtime import BEGINNING
from payments_kit.simulation.scenario import Kind, Scenario
from payments_kit.simulation.trace import Trace


@frozen
class Price:
    """A price as in an event, and its minor units, which are not calculated by our code."""

    major: str
    currency: str
    minor_units: int

    @property
    def money(self) -> Money:
        """The amount to charge."""
        return Money(self.minor_units, Currency(self.currency))


_PRICES: Final = (
    *(Price("19.99", "usd", 1999), Price("8.20", "usd", 820), Price("10", "usd", 1000)),
    *(Price("500", "jpy", 500), Price("1.001", "kwd", 1001), Price("1e2", "eur", 10_000)),
)


_WITH_PRICE: Final = (
    '{"id": "malformed", "version": 0, "status": "created", "userId": "user1", "ticket": '
    '{"id": "ticket", "price": %s, "currency": "usd"}}'
)
_MALFORMED: Final = (
    b'{"id": "malformed", "version": "one"}',
    *((_WITH_PRICE % price).encode() for price in ("19.999", "-1", '"many"', "true", "null")),
)
"""Events that can never be used: half a cent, a negative price, no price, no version."""

_FREE: Final = Price("0", "usd", 0)
_IS_FREE: Final = 0.05
"""How often a version of an order costs nothing, and so cannot be paid."""

_PUBLISHES_EXPIRY: Final = 0.6
"""How often an expiry is published; otherwise nobody tells the service but the clock."""


@frozen
class PlannedShipment:
    """One `order:shipped` event."""

    at: float
    version: int
    minor_units: int | None = None


@frozen
class OrderPlan:
    """Everything that will happen to one order in the orders service."""

    id: OrderId
    owners: tuple[UserId, ...]
    """By version: an order may get another owner."""
    prices: tuple[Price, ...]
    """By version."""
    at: float
    lifetime: float | None
    cancelled_at: float | None
    is_expiry_published: bool = True
    """Whether the orders service publishes that the order has expired."""
    capture: str | None = None
    """When its money is captured, as in `order:created`; None: the event does not say."""
    extended: float | None = 0.0
    """Seconds by which every later version expires after the first; None: they never expire."""
    shipments: tuple["PlannedShipment", ...] = ()
    pauses: tuple[float, ...] = ()
    """Seconds after a version, of which one is chosen; none: they are drawn, half of them 0."""

    @property
    def end(self) -> float | None:
        """When it is published as cancelled, because it was cancelled or has expired."""
        expires_after = self.lifetime_of(len(self.prices) - 1)
        is_published = expires_after is not None and self.is_expiry_published
        expiry = self.at + (expires_after or 0.0) if is_published else None
        return min((at for at in (self.cancelled_at, expiry) if at is not None), default=None)

    def lifetime_of(self, version: int) -> float | None:
        """Return after how many seconds from the order's creation a version expires, or None."""
        if not version or self.lifetime is None:
            return self.lifetime
        return None if self.extended is None else self.lifetime + self.extended


@define
class OrderEvents:
    """Publishes order events, and records their content."""

    injector: FaultInjector
    trace: Trace
    store: Callable[[str, bytes], None]
    """Stores a message under its subject in the broker."""
    acknowledged: list[OrderEvent] = field(factory=list)
    malformed: list[bytes] = field(factory=list)

    def publish(self, subject: str, data: bytes) -> None:
        """Publish an event, which may be malformed."""
        times = 2 if self.injector.occurs(FaultKind.DUPLICATED, "orders service") else 1
        self.trace.record("orders service", f"publishes {subject}: {data.decode()}")
        if (content := read_order_event(subject, data)) is None:
            self.malformed.append(data)
        else:
            now = BEGINNING + timedelta(seconds=self.trace.time())
            self.acknowledged.append(content._replace(published_at=now))
        for _ in range(times):
            self.store(subject, data)

    def publish_created(
        self, plan: OrderPlan, version: int = 0, expires_at: datetime | None = None
    ) -> None:
        """Publish one version of an order."""
        price, owner = plan.prices[version], plan.owners[version]
        ticket = f'{{"id": "ticket", "price": {price.major}, "currency": "{price.currency}"}}'
        expiry = f'"{expires_at.isoformat()}"' if expires_at else "null"
        capture = f'"capture": "{plan.capture}", ' if plan.capture else ""
        body = (
            f'{{"id": "{plan.id}", "version": {version}, "status": "created", {capture}'
            f'"userId": "{owner}", "expiresAt": {expiry}, "ticket": {ticket}}}'
        )
        self.trace.count(Activity.CHANGED if version else Activity.CREATED)
        if version and plan.owners[version] != plan.owners[version - 1]:
            self.trace.count(Activity.HANDED_OVER)
        self.publish("order:created", body.encode())

    def publish_cancelled(self, plan: OrderPlan) -> None:
        """Publish that an order is cancelled, after its last version."""
        version = len(plan.prices)
        body = json.dumps({"id": plan.id, "version": version, "ticket": {"id": "ticket"}})
        self.trace.count(Activity.CANCELLED)
        self.publish("order:cancelled", body.encode())

    def publish_shipped(self, plan: OrderPlan, shipment: PlannedShipment) -> None:
        """Publish that an order is shipped, or a part of it."""
        body: dict[str, object] = {"id": plan.id, "version": shipment.version}
        if shipment.minor_units is not None:
            body["amount"] = shipment.minor_units
        self.trace.count(Activity.SHIPPED)
        self.publish("order:shipped", json.dumps(body).encode())

    def publish_malformed(self, body: bytes = _MALFORMED[0]) -> None:
        """Publish an event that can never be used."""
        self.trace.count(Activity.MALFORMED)
        self.publish("order:created", body)


def plan_orders(scenario: Scenario, draw: random.Random) -> list[OrderPlan]:
    """Draw what will happen to each order."""
    return [_plan(OrderId(f"order{1 + index}"), scenario, draw) for index in range(scenario.orders)]


def _busy(plan: OrderPlan, scenario: Scenario) -> OrderPlan:
    """Let an order be changed and end while its customers pay, and expire less often."""
    draw = scenario.stream(f"busy {plan.id}")
    versions, late = draw.choice((1, 2)), draw.uniform(3.0, scenario.seconds)
    ends_after = draw.choice((1.0 + draw.expovariate(1 / 6), late, late))
    owner = plan.owners[0]
    last_owner = UserId("user3") if draw.random() < 0.2 else owner
    return evolve(
        plan,
        owners=(owner, last_owner)[:versions],
        prices=tuple(draw.choice(_PRICES) for _ in range(versions)),
        lifetime=draw.choice((None, None, None, draw.uniform(10.0, scenario.seconds))),
        cancelled_at=None if plan.cancelled_at is None else plan.at + ends_after,
        pauses=(draw.uniform(0.0, 3.0), draw.expovariate(1 / 8.0)),
    )


def _plan(order_id: OrderId, scenario: Scenario, draw: random.Random) -> OrderPlan:
    at = draw.uniform(0.0, scenario.seconds / 4)
    owner = UserId(f"user{draw.randint(1, 2)}")
    versions = draw.choice((1, 1, 1, 2))
    last_owner = UserId("user3") if draw.random() < 0.2 else owner
    prices = tuple(draw.choice(_PRICES) for _ in range(versions))
    lifetime = draw.choice((None, None, draw.uniform(5, scenario.seconds)))
    # Half of the cancellations occur when customers try to pay.
    delay = draw.choice((1.0, draw.expovariate(1 / 6), draw.uniform(0, scenario.seconds)))
    cancelled_at = at + delay if draw.random() < scenario.cancels else None
    owners = (owner, last_owner)[:versions]
    # A random stream of its own, so that the other decisions of a seed stay the same.
    silence = scenario.stream(f"expiry of {order_id}")
    is_published = silence.random() < _PUBLISHES_EXPIRY
    free = scenario.stream(f"price of {order_id}")
    prices = tuple(_FREE if free.random() < _IS_FREE else each for each in prices)
    extension = scenario.stream(f"extension of {order_id}")
    extended = extension.choice((0.0, 0.0, scenario.seconds / 4, None))
    plan = OrderPlan(
        *(order_id, owners, prices, at, lifetime, cancelled_at, is_published), extended=extended
    )
    return _busy(plan, scenario) if scenario.kind is not Kind.PLAIN else plan


async def run_orders_service(plan: OrderPlan, events: OrderEvents, draw: random.Random) -> None:
    """Create an order, change it, and cancel or expire it."""
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(plan.at)
    created_at = BEGINNING + timedelta(seconds=clock())
    for version in range(len(plan.prices)):
        lifetime = plan.lifetime_of(version)
        expires_at = None if lifetime is None else created_at + timedelta(seconds=lifetime)
        events.publish_created(plan, version, expires_at)
        # Half of the time at once; sometimes while a payment of the earlier owner is live.
        pause = draw.choice((0.0, 0.0, draw.uniform(0.0, 3.0), draw.expovariate(1 / 8.0)))
        await asyncio.sleep(draw.choice(plan.pauses) if plan.pauses else pause)
    if plan.end is not None:
        await asyncio.sleep(max(0.0, plan.end - clock()))
        events.publish_cancelled(plan)
    if draw.random() < 0.1:
        events.publish_malformed(draw.choice(_MALFORMED))
