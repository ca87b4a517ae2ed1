"""The scripted tour: the contract's rows one after the other, on the real processes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Final, TypeVar

from attrs import define, field, frozen
from rich.console import Console
from rich.table import Table

from payments_kit.demo.order_projection import (
    PAYMENT_CREATED,
    PAYMENT_FAILED,
    PAYMENT_REFUNDED,
    Order,
    OrderBook,
)
from payments_kit.demo.orders import OrdersSide
from payments_kit.demo.service import CUSTOMER, STRANGER, Answer, PaymentsService
from payments_kit.demo.shop import Shop
from payments_kit.demo.web import Authenticate

Found = TypeVar("Found")

# The slowest thing waited for is recovery's first look at a payment, after five seconds.
WAIT_SECONDS: Final = 20.0
# Small against what is waited for: some tens of milliseconds until an event is replicated.
POLL_SECONDS: Final = 0.02
# Enough for all of the tour on a machine that is busy with other things.
LIFETIME: Final = timedelta(minutes=10)
# As short as an order side's clock, and a look at the page, allow.
SHORT_LIFETIME: Final = timedelta(seconds=1)
PRICE: Final = Decimal("19.99")
PRICE_MINOR: Final = 1999
PART_MINOR: Final = 500
# No order costs this, so a request that names it is never charged.
WRONG_MINOR: Final = 1


@frozen
class Row:
    """A step of the tour and how it ended."""

    step: str
    expected: str
    got: str
    milliseconds: float

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should."""
        return self.got == self.expected


@define
class Tour:
    """Every step, as a method that says what happened; what later steps need is kept."""

    shop: Shop
    orders: OrdersSide
    payments: PaymentsService
    authenticate: Authenticate
    _made: dict[str, Order] = field(factory=dict, init=False)
    _paid: dict[str, Answer] = field(factory=dict, init=False)

    # --- paying --------------------------------------------------------------------------------

    async def create(self) -> str:
        """An order reaches the service over NATS."""
        self._made["first"] = await self._new_order()
        # Two that later steps find at the right age.
        self._made["short"] = await self.orders.create(CUSTOMER.id, PRICE, SHORT_LIFETIME)
        self._made["secured"] = await self._new_order()
        return "replicated"

    async def ask_for_authentication(self) -> str:
        """The bank wants to see the customer, who proves to be themselves."""
        answer = await self.payments.pay(self._made["secured"].id, "tok_threeDSecure2Required")
        self._paid["secured"] = answer
        await self.authenticate(str(answer.body["id"]), True)
        return _status(answer)

    async def pay(self) -> str:
        """A good card."""
        answer = await self.payments.pay(self._made["first"].id, "tok_visa")
        self._paid["first"] = answer
        return _status(answer)

    async def complete(self) -> str:
        """The orders side hears of the payment."""
        order = await self._until_status(self._made["first"].id, "complete")
        return f"order {order.status}"

    async def announce(self) -> str:
        """The event is what a client of the seed expects, and came once."""
        order, answer = self._made["first"], self._paid["first"]
        events = self.orders.book.about(order.id, PAYMENT_CREATED)
        paid = {"id": answer.body["id"], "orderId": order.id, "stripeId": answer.body["stripeId"]}
        said = [name for name, value in paid.items() if value == events[0].body.get(name)]
        return f"{len(events)} event: {', '.join(said)}"

    async def pay_again(self) -> str:
        """An order is charged once."""
        answer = await self.payments.pay(self._made["first"].id, "tok_visa")
        shown = answer.body.get("payment", {}).get("id")
        same = "that" if shown == self._paid["first"].body["id"] else "another"
        return f"{answer.status} with {same} payment"

    async def decline(self) -> str:
        """A card without money; the shop is told."""
        order = self._made["declined"] = await self._new_order()
        answer = await self.payments.pay(order.id, "tok_chargeDeclinedInsufficientFunds")
        await self._until(lambda book: book.about(order.id, PAYMENT_FAILED))
        return f"{answer.status} {answer.error.get('code')}"

    async def pay_after_decline(self) -> str:
        """Another card for the same order."""
        return _status(await self.payments.pay(self._made["declined"].id, "tok_mastercard"))

    # --- cancelling, expiring, giving back -----------------------------------------------------

    async def pay_cancelled(self) -> str:
        """A cancelled order can't be paid."""
        order = await self._new_order()
        await self.orders.cancel(order.id)
        await self._until_answer(order.id, lambda answer: "cancel" in str(answer.error).lower())
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def cancel_paid(self) -> str:
        """A paid order that is cancelled after all gets its money back."""
        order, _ = await self._paid_order()
        await self.orders.cancel(order.id)
        return f"{await self._refunded(order.id)}, order {self._status_of(order.id)}"

    async def pay_expired(self) -> str:
        """An order that was not paid in time."""
        order = await self._until_status(self._made["short"].id, "cancelled")
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def refund_part(self) -> str:
        """The operator gives some of it back."""
        order, payment_id = await self._paid_order()
        answer = await self.payments.refund(payment_id, PART_MINOR)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            return _status(answer)
        return f"{await self._refunded(order.id)}, order {self._status_of(order.id)}"

    # --- refusing ------------------------------------------------------------------------------

    async def pay_for_another(self) -> str:
        """Only the customer may pay an order."""
        order = await self.orders.create(STRANGER.id, PRICE, LIFETIME)
        await self._until_answer(order.id, _is_replicated)
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def pay_unknown(self) -> str:
        """An order nobody created."""
        return _status(await self.payments.pay("no-such-order", "tok_visa"))

    async def send_nonsense(self) -> str:
        """A body that is no JSON."""
        return _status(await self.payments.ask("POST", "/api/payments", b'{"token": tok_visa'))

    # --- the world comes and goes --------------------------------------------------------------

    async def pay_without_nats(self) -> str:
        """NATS being down refuses nobody."""
        order = self._made["lonely"] = await self._new_order()
        await asyncio.to_thread(self.shop.stop_nats)
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def bring_nats_back(self) -> str:
        """What happened meanwhile is told."""
        await asyncio.to_thread(self.shop.start_nats)
        order = await self._until_status(self._made["lonely"].id, "complete")
        return f"{PAYMENT_CREATED}, order {order.status}"

    async def finish_authentication(self) -> str:
        """The service has found out by itself that the customer's bank is content."""
        order = await self._until_status(self._made["secured"].id, "complete")
        answer = await self.payments.show(str(self._paid["secured"].body["id"]))
        return f"{answer.body['status']}, order {order.status}"

    # --- parts ---------------------------------------------------------------------------------

    async def _new_order(self) -> Order:
        order = await self.orders.create(CUSTOMER.id, PRICE, LIFETIME)
        await self._until_answer(order.id, _is_replicated)
        return order

    async def _paid_order(self) -> tuple[Order, str]:
        order = await self._new_order()
        answer = await self.payments.pay(order.id, "tok_visa")
        await self._until_status(order.id, "complete")
        return order, str(answer.body["id"])

    async def _refunded(self, order_id: str) -> str:
        events = await self._until(lambda book: book.about(order_id, PAYMENT_REFUNDED))
        body = events[0].body
        return f"{PAYMENT_REFUNDED} {body['amount']} {body['currency']}"

    def _status_of(self, order_id: str) -> str:
        order = self.orders.book.find(order_id)
        return order.status if order else "unknown"

    async def _until(self, condition: Callable[[OrderBook], Found | None]) -> Found:
        return await self.orders.until(condition, WAIT_SECONDS)

    async def _until_status(self, order_id: str, status: str) -> Order:
        def condition(book: OrderBook) -> Order | None:
            order = book.find(order_id)
            return order if order and order.status == status else None

        return await self._until(condition)

    async def _until_answer(self, order_id: str, good: Callable[[Answer], bool]) -> None:
        """Try to pay with the wrong amount, which can't succeed, until that is refused as hoped."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                answer = await self.payments.pay(order_id, "tok_visa", amount=WRONG_MINOR)
                if good(answer):
                    return
                await asyncio.sleep(POLL_SECONDS)


STEPS: Final[tuple[tuple[str, str, Callable[[Tour], Awaitable[str]]], ...]] = (
    ("create an order", "replicated", Tour.create),
    ("pay with a 3-D Secure card", "202 requires_action", Tour.ask_for_authentication),
    ("pay with tok_visa", "201 succeeded", Tour.pay),
    ("payment:created is heard", "order complete", Tour.complete),
    ("it has the seed's shape", "1 event: id, orderId, stripeId", Tour.announce),
    ("pay again", "409 with that payment", Tour.pay_again),
    ("pay with a card without money", "402 insufficient_funds", Tour.decline),
    ("pay that with another card", "201 succeeded", Tour.pay_after_decline),
    ("cancel, then pay", "400", Tour.pay_cancelled),
    (
        "pay, then cancel",
        f"payment:refunded {PRICE_MINOR} usd, order cancelled",
        Tour.cancel_paid,
    ),
    ("pay an expired order", "400", Tour.pay_expired),
    ("pay another customer's order", "401", Tour.pay_for_another),
    (
        "the operator refunds a part",
        f"payment:refunded {PART_MINOR} usd, order complete",
        Tour.refund_part,
    ),
    ("pay an unknown order", "404", Tour.pay_unknown),
    ("send broken JSON", "400", Tour.send_nonsense),
    ("pay while NATS is down", "201 succeeded", Tour.pay_without_nats),
    ("NATS comes back", "payment:created, order complete", Tour.bring_nats_back),
    ("3-D Secure was passed", "succeeded, order complete", Tour.finish_authentication),
)


async def take_tour(shop: Shop, authenticate: Authenticate, console: Console) -> int:
    """Take every step, print what happened; 0 if all ended as they should, else 1."""
    begun = time.perf_counter()
    rows: list[Row] = []
    async with (
        OrdersSide(shop.nats.url) as orders,
        PaymentsService(shop.address, shop.keys) as payments,
    ):
        tour = Tour(shop, orders, payments, authenticate)
        with console.status("") as status:
            for step, expected, take in STEPS:
                status.update(step)
                rows.append(await _take(step, expected, take(tour)))
    console.print(_table(rows))
    good = sum(row.is_good for row in rows)
    seconds = time.perf_counter() - begun
    colour = "green" if good == len(STEPS) else "red"
    console.print(
        f"[{colour}]{good} of {len(STEPS)} steps ended as they should[/], {seconds:.1f} s"
    )
    return 0 if good == len(STEPS) else 1


async def _take(step: str, expected: str, taking: Awaitable[str]) -> Row:
    begun = time.perf_counter()
    try:
        got = await taking
    except Exception as error:  # whatever went wrong belongs into the table
        got = f"{type(error).__name__}: {error}"
    return Row(step, expected, got, (time.perf_counter() - begun) * 1000)


def _table(rows: list[Row]) -> Table:
    table = Table(title="A tour of the payments service", title_justify="left")
    for column in ("", "step", "expected", "got"):
        table.add_column(column)
    table.add_column("ms", justify="right")
    for row in rows:
        mark = "[green]✓[/]" if row.is_good else "[red]✗[/]"
        table.add_row(mark, row.step, row.expected, row.got, f"{row.milliseconds:.0f}")
    return table


def _is_replicated(answer: Answer) -> bool:
    return answer.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)


def _status(answer: Answer) -> str:
    status = answer.body.get("status")
    # An RFC 9457 problem repeats the number there; a payment has a word.
    return f"{answer.status} {status}" if isinstance(status, str) else str(answer.status)
