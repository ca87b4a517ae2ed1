"""Customers: they order and pay during the chaos run, each until the order has an end."""

import asyncio
import random
from contextlib import suppress
from typing import Final

from attrs import define, field

from tests.system.api_client import NoResponse, Response
from tests.system.shop_events import new_id
from tests.system.system import System

# Which cards customers use, and how often.
CARDS: Final = (
    *["tok_visa"] * 5,
    *["pm_card_mastercard"] * 2,
    *("tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds"),
    *("tok_threeDSecureRequired", "tok_threeDSecureRequiredChargeDeclined"),
)

PRICES: Final = ((10, "usd"), (19.99, "usd"), (8.2, "eur"), (500, "jpy"), (1.23, "kwd"))

# Two cores serve no more than these at a time; other customers wait for their turn.
MAX_CONCURRENT: Final = 40

# Statuses after which a customer tries again.
RETRIED_STATUSES: Final = {202, 402, 404, 429, 503}

# How long a customer waits for a response.
PATIENCE_SECONDS: Final = 20.0


@define
class Customers:
    """The customers of one run, and what they received."""

    system: System
    seed: int
    seconds: float
    order_ids: list[str] = field(factory=list)
    responses: list[Response] = field(factory=list)
    without_response: int = 0
    waiting: dict[str, Response | None] = field(factory=dict)
    """The orders without a final response, and their last one."""
    _places: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(MAX_CONCURRENT))

    async def order_and_pay(self, number: int) -> None:
        """Create an order at a random moment, and try to pay until it is paid or cancelled."""
        rng = random.Random(f"{self.seed} {number}")
        order_id, user = new_id("order"), f"user-{number % 50}-{self.seed}"
        self.order_ids.append(order_id)
        self.waiting[order_id] = None
        await asyncio.sleep(rng.uniform(0.0, 0.9) * self.seconds)
        async with self._places, asyncio.TaskGroup() as tasks:
            price, currency = rng.choice(PRICES)
            await self.system.events.create_order(
                order_id, user_id=user, price=price, currency=currency
            )
            if rng.random() < 0.15:
                tasks.create_task(self._cancel(order_id, rng.uniform(0.0, 5.0)))
            await self._pay(order_id, user, rng)

    async def _cancel(self, order_id: str, delay: float) -> None:
        await asyncio.sleep(delay)
        await self.system.events.cancel_order(order_id)

    async def _pay(self, order_id: str, user: str, rng: random.Random) -> None:
        card, key = rng.choice(CARDS), new_id("key")
        while True:
            try:
                response = await self.system.api.pay(
                    order_id,
                    card,
                    user_id=user,
                    serve=rng.randrange(len(self.system.deployment.serve)),
                    key=key if rng.random() < 0.5 else None,
                    timeout=PATIENCE_SECONDS,
                )
            except NoResponse:
                self.without_response += 1
                continue
            finally:
                await asyncio.sleep(rng.uniform(0.05, 0.5))
            self.responses.append(response)
            if response.status == 402:
                card, key = rng.choice(CARDS), new_id("key")
            elif secret := _client_secret(response):
                await self._authenticate(secret, rng)
            elif response.status == 201 and rng.random() < 0.15:
                await self._refund(response)
            if _is_final(response):
                del self.waiting[order_id]
                return
            self.waiting[order_id] = response

    async def _authenticate(self, client_secret: str, rng: random.Random) -> None:
        intent = client_secret.partition("_secret_")[0]
        result = "succeeded" if rng.random() < 0.8 else "failed"
        # It may have been cancelled with the order, or completed before a replayed response.
        with suppress(AssertionError):
            await self.system.stripe.authenticate(intent, result)

    async def _refund(self, paid: Response) -> None:
        """Refund a part as the operator, who does not repeat it after a lost response."""
        with suppress(NoResponse):
            await self.system.api.refund(paid.payment_id, max(1, paid.body["amount"] // 3))


def _client_secret(response: Response) -> str | None:
    """Return the client secret of a payment that is new or in progress, if it needs one."""
    if response.status not in (202, 409):
        return None
    payment = response.body.get("payment", response.body)
    secret: str | None = payment.get("clientSecret")
    return secret


def _is_final(response: Response) -> bool:
    """Return whether the customer has no reason to try again."""
    if response.status == 409:
        return response.error_code == "already_paid"
    return response.status not in RETRIED_STATUSES
