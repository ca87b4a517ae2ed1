"""Orders in every state that the console shows, for its browser tests and its pictures."""

from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.messaging.wire import Message
from application.acting import acting
from application.ports.gateway_notifications import DisputeNotification
from application.ports.payment_gateway import CardToken
from domain.actor import Actor
from domain.capture import CaptureMode
from domain.dispute import DisputeStatus
from domain.identifiers import DisputeId, OrderId, PaymentId, UserId
from tests.builders import dollars
from tests.entrypoints.console.world import ConsoleWorld

HOSTILE: Final = "<script>alert(1)</script>'\"&\u202e/../?#%"
"""An id or a reason that was chosen in order to break the page."""

STORY: Final = "order-8f3a21c4"
"""An order that was declined twice, paid, refunded in part, and disputed."""

HELD: Final = "order-held"
IN_REVIEW: Final = "order-review"

_BODY: Final = b'{"id": "order-8f3a21c4", "version": 0, "ticket": {"price": 12.345}}'

_TOKENS: Final = (
    *("tok_visa", "tok_visa", "tok_chargeDeclined", "tok_visa", "pm_usBankAccount_processing"),
    *("tok_visa", "tok_chargeDeclinedExpiredCard", "tok_visa", "tok_visa"),
)

_AGO: Final = timedelta(hours=20)


def a_world() -> ConsoleWorld:
    """Return a world of twenty hours ago."""
    return ConsoleWorld(time=datetime.now(UTC).replace(microsecond=0) - _AGO)


async def fill(world: ConsoleWorld, others: int = 6) -> None:
    """Let the orders happen, up to now, and so many others."""
    await _tell_the_story(world)
    await _pay_many(world, others)
    await _hold(world)
    await _review(world)
    for order_id in ("order-unpaid", HOSTILE):
        await world.create_order(order_id, user_id=UserId("user-4711"))
    await _pay(world, "tok_visa", HOSTILE)
    spoil(world, "ticket.price cannot be expressed exactly in usd", _BODY)
    spoil(world, "the body is not JSON", b"\x00\xff{")
    world.advance(minutes=7)


def spoil(world: ConsoleWorld, reason: str, data: bytes) -> None:
    """Let an event arrive that cannot be used."""
    world.broker.store(Message("order:created", data, {"ce-type": "order:created"}))
    world.broker.dead_letter(world.broker.log[-1], reason)


async def _tell_the_story(world: ConsoleWorld) -> None:
    await world.create_order(STORY, user_id=UserId("user-4711"), price=dollars("1249.50"))
    for token in ("tok_chargeDeclinedInsufficientFunds", "tok_chargeDeclined", "tok_visa"):
        world.advance(minutes=3)
        await _pay(world, token, STORY)
    payment = world.order(STORY).payments[-1]
    world.advance(hours=2)
    with acting(Actor.operator("alice", "One item arrived broken")):
        await world.use_cases().refund_payment(payment.id, 24950, "One item arrived broken")
    world.advance(hours=5)
    assert payment.charge_id is not None
    dispute = DisputeNotification(
        "evt_dispute",
        payment.charge_id,
        DisputeId("dp_1NXb2aLkdIwHu7ix"),
        dollars("1000"),
        "product_not_received",
        DisputeStatus.OPEN,
    )
    with acting(Actor.gateway("in_memory")):
        await world.receive(dispute)


async def _pay_many(world: ConsoleWorld, others: int) -> None:
    for number in range(others):
        world.advance(minutes=9 + number % 7)
        order_id = f"order-{number * 7919 % 65536:04x}"
        user = UserId(f"user-{number % 11 + 1}")
        await world.create_order(
            order_id, user_id=user, price=dollars(f"{number * 13 % 97 + 5}.90")
        )
        await _pay(world, _TOKENS[number % len(_TOKENS)], order_id)


async def _hold(world: ConsoleWorld) -> None:
    await world.create_order(HELD, price=dollars("89"), capture=CaptureMode.MANUAL)
    await _pay(world, "tok_visa", HELD)
    await world.create_order("order-3ds", price=dollars("42"))
    await _pay(world, "tok_threeDSecureRequired", "order-3ds")


async def _review(world: ConsoleWorld) -> None:
    await world.create_order(IN_REVIEW, price=dollars("310"))
    world.faults.mischarge(dollars("31"))
    await _pay(world, "tok_visa", IN_REVIEW)


async def _pay(world: ConsoleWorld, token: str, order_id: str) -> PaymentId:
    terms = world.order(order_id).replica.terms
    assert terms is not None
    with acting(Actor.customer()):
        paid = await world.pay(CardToken(token), OrderId(order_id), terms.user_id)
    return paid.payment.id
