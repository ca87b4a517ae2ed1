"""Those who use the service: an orders side, customers, an operator, the bank."""

import asyncio
import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen

from application.ports.payment_gateway import CardToken
from domain.claim import ExpectedAmount
from domain.identifiers import OrderId, PaymentId, UserId
from domain.money import Currency, Money
from domain.replica import OrderReplica, Terms
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.processes import PayRequest

if TYPE_CHECKING:
    from payments_kit.simulation.world import World


@frozen
class Price:
    """A price as an event carries it, and the minor units it surely is: worked out by hand."""

    major: str
    currency: str
    minor_units: int

    @property
    def money(self) -> Money:
        """What has to be charged."""
        return Money(self.minor_units, Currency(self.currency))


_PRICES: Final = (
    *(Price("19.99", "usd", 1999), Price("8.20", "usd", 820), Price("10", "usd", 1000)),
    *(Price("500", "jpy", 500), Price("1.001", "kwd", 1001), Price("1e2", "eur", 10_000)),
)

_CARDS: Final = (
    *("tok_visa", "tok_visa", "tok_mastercard", "tok_pendingRefund", "tok_pendingRefund"),
    *("tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds"),
    *("tok_threeDSecureRequired", "tok_threeDSecureRequiredChargeDeclined"),
)

# Card tokens, and what every client secret has in it.
SECRETS: Final = (*sorted(set(_CARDS)), "_secret_")

_MAX_TRIES: Final = 10
"""How often a customer tries; more than anybody real, fewer than would only cost steps."""


@frozen
class OrderPlan:
    """What becomes of one order, in its owner's eyes."""

    id: OrderId
    owners: tuple[UserId, ...]
    prices: tuple[Price, ...]
    """Both version by version: an order may change hands."""
    at: float
    lifetime: float | None
    cancelled_at: float | None


def plan_orders(world: "World", draw: random.Random) -> list[OrderPlan]:
    """What the orders side is going to do."""
    scenario = world.scenario
    plans = []
    for number in range(1, scenario.orders + 1):
        at = draw.uniform(0.0, scenario.seconds / 4)
        owner = UserId(f"user{draw.randint(1, 2)}")
        versions = draw.choice((1, 1, 1, 2))
        last_owner = UserId("user3") if draw.random() < 0.2 else owner
        plans.append(
            OrderPlan(
                id=OrderId(f"order{number}"),
                owners=(owner, last_owner)[:versions],
                prices=tuple(draw.choice(_PRICES) for _ in range(versions)),
                at=at,
                lifetime=draw.choice((None, None, draw.uniform(5, scenario.seconds))),
                # Half of them just when customers try to pay.
                cancelled_at=at
                + draw.choice((1.0, draw.expovariate(1 / 6), draw.uniform(0, scenario.seconds)))
                if draw.random() < scenario.cancels
                else None,
            )
        )
    return plans


async def orders_side(world: "World", plan: OrderPlan, draw: random.Random) -> None:
    """Create an order, say more of it, cancel or expire it."""
    await asyncio.sleep(plan.at)
    expires_at = world.runtime.now() + timedelta(seconds=plan.lifetime) if plan.lifetime else None
    for version, price in enumerate(plan.prices):
        terms = Terms(version, plan.owners[version], price.money, expires_at)
        body = _created(plan, version, price, expires_at)
        world.publish_order("order:created", body, OrderReplica.created(plan.id, terms))
        await asyncio.sleep(draw.uniform(0.0, 3.0) if draw.random() < 0.5 else 0.0)
    ends = [at for at in (plan.cancelled_at, plan.lifetime and plan.at + plan.lifetime) if at]
    if ends:
        await asyncio.sleep(max(0.0, min(ends) - world.loop.time()))
        version = len(plan.prices)
        body = json.dumps({"id": plan.id, "version": version, "ticket": {"id": "ticket"}}).encode()
        world.publish_order("order:cancelled", body, OrderReplica.cancelled(plan.id, version))
    if draw.random() < 0.1:
        world.publish_order("order:created", b'{"id": "poison", "version": "one"}', None)


def _created(plan: OrderPlan, version: int, price: Price, expires_at: datetime | None) -> bytes:
    ticket = f'{{"id": "ticket", "price": {price.major}, "currency": "{price.currency}"}}'
    expiry = f'"{expires_at.isoformat()}"' if expires_at else "null"
    return (
        f'{{"id": "{plan.id}", "version": {version}, "status": "created", '
        f'"userId": "{plan.owners[version]}", "expiresAt": {expiry}, "ticket": {ticket}}}'
    ).encode()


async def customer(
    world: "World", plan: OrderPlan, name: str, come_at: float, draw: random.Random
) -> None:
    """Try to pay an order until it is paid or cannot be any more; maybe it is not even theirs."""
    stranger = draw.random() < 0.1
    user = UserId("stranger") if stranger else draw.choice(plan.owners)
    keyed = draw.random() < 0.5
    expected = _expected(plan, draw)
    await asyncio.sleep(come_at)
    token, card = draw.choice(_CARDS), 1
    for attempt in range(1, 1 + _MAX_TRIES):
        # A key for each card, as a good client does it; or, now and then, for each try.
        key = f"{name}-{card}{f'-{attempt}' if draw.random() < 0.3 else ''}" if keyed else None
        request = PayRequest(plan.id, user, CardToken(token), key, expected)
        reply = await world.post(name, request, patience=draw.choice((3.0, 20.0, 40.0)))
        status = reply.status if reply else None
        if status in (201, 400, 401, 422) or (reply and reply.payment_status == "succeeded"):
            return
        if status == 402:
            token, card = draw.choice(_CARDS), card + 1
        if reply and reply.payment_id and reply.payment_status == "requires_action":
            await _visit_bank(world, name, reply.payment_id, draw)
        await asyncio.sleep(draw.expovariate(1 / (9.0 if status in (202, 404, 409) else 4.0)))


def _expected(plan: OrderPlan, draw: random.Random) -> ExpectedAmount:
    if draw.random() < 0.7:
        return ExpectedAmount()
    due = draw.choice(plan.prices).money
    return ExpectedAmount(due.minor_units, due.currency.code)


async def _visit_bank(
    world: "World", name: str, payment_id: PaymentId, draw: random.Random
) -> None:
    if draw.random() < 0.2:
        return  # the customer closes the window
    await asyncio.sleep(draw.expovariate(1 / 5.0))
    await world.authenticate(name, payment_id, succeeded=draw.random() < 0.8)


async def operator(world: "World", draw: random.Random) -> None:
    """Give back some of what was paid, sometimes twice at the same moment."""
    while world.loop.time() < world.scenario.seconds:
        await asyncio.sleep(draw.expovariate(world.scenario.refunds / 5.0))
        minor_units = draw.choice((None, 300, 1))
        if world.scenario.webhooks and world.injector.strikes_now(
            FaultKind.EXTERNAL_REFUND, "operator"
        ):
            await world.refund_externally(draw, minor_units)
            continue
        paid = world.captured_payments()
        if not paid:
            continue
        payment = draw.choice(paid)
        if minor_units is not None and minor_units > 1:
            minor_units = max(1, payment.amount.minor_units * 6 // 10)  # two of these are too much
        at_once = draw.choice((1, 1, 2))
        await asyncio.gather(*(world.refund(payment.id, minor_units) for _ in range(at_once)))


async def bank(world: "World", draw: random.Random) -> None:
    """Finish, now and then, the refunds that it was left with."""
    while world.loop.time() < world.scenario.seconds:
        await asyncio.sleep(draw.expovariate(1 / 15.0))
        await world.runtime.banks_finish_refunds()


async def nature(world: "World", draw: random.Random) -> None:
    """Bring about the mishaps that last, or that nobody's step brings about."""
    injector, runtime = world.injector, world.runtime
    timed = [
        kind
        for kind in (
            *(FaultKind.DATABASE_DOWN, FaultKind.BROKER_DOWN, FaultKind.GATEWAY_DOWN),
            *(FaultKind.REDELIVERED, FaultKind.IDS_FORGOTTEN),
        )
        if injector.may(kind)
    ]
    happenings = sorted(
        (injector.between(kind, 0.0, world.scenario.seconds), kind.name)
        for kind in timed
        for _ in range(draw.randint(1, 2))
    )
    for at, name in happenings:
        kind = FaultKind[name]
        await asyncio.sleep(max(0.0, at - world.loop.time()))
        seconds = 10 ** injector.between(kind, 0.0, 1.6)
        if not injector.let_happen(kind):
            continue
        match kind:
            case FaultKind.DATABASE_DOWN:
                runtime.database_down_for(seconds)
            case FaultKind.BROKER_DOWN:
                runtime.broker_down_until = world.loop.time() + seconds
            case FaultKind.GATEWAY_DOWN:
                runtime.gateway_down_until = world.loop.time() + seconds
            case FaultKind.REDELIVERED:
                runtime.deliver_something_again(injector.stream(kind))
            case _:
                runtime.broker.forget_ids()
