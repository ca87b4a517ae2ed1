"""Mistakes: requests that cannot be right, of users, operators and of a stranger who guesses."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from attrs import frozen

from application.ports.payment_gateway import CardToken
from application.use_cases.create_session import OpenSession
from application.use_cases.pay_order import PayOrder
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order_reviews import ReviewDecision
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http.handlers import RefundCommand
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.clients import PATIENCE_SECONDS, SHOP, Clients
from payments_kit.simulation.processes import Response, Serve
from payments_kit.simulation.scenario import Scenario

_SECONDS: Final = 3.0
"""The pause between two mistakes, on average: a run has about ten."""

_RELEASED: Final = (PaymentStatus.CANCELLED, PaymentStatus.REVERSED)

_NOBODY: Final = UserId("nobody")
_UNKNOWN: Final = PaymentId("unknown")
_NOT_OFFERED: Final = "not-offered"
_WRONG_CURRENCY: Final = "xau"
"""Gold, in which no order is priced."""


@frozen
class Mistakes:
    """Sends requests that the service refuses; if it does not, a promise is broken."""

    scenario: Scenario
    clients: Clients
    draw: random.Random

    async def act(self) -> None:
        """Make mistakes until the scenario's time is over."""
        clock = asyncio.get_running_loop().time
        mistakes = (
            *(self._cancel, self._refund, self._capture, self._void, self._review),
            *(self._choose_gateway, self._open_session),
        )
        while clock() < self.scenario.seconds:
            await asyncio.sleep(self.draw.expovariate(1 / _SECONDS))
            await self.draw.choice(mistakes)()

    def _payment(self) -> PaymentId:
        """Return any payment, or one that does not exist."""
        known = [each.id for each in self._payments()]
        return self.draw.choice([_UNKNOWN, *known])

    def _payments(self) -> list[Payment]:
        orders = self.clients.cluster.runtime.database.orders.values()
        return [payment for _, order in orders for payment in order.payments]

    async def _cancel(self) -> None:
        await self.clients.cancel("nobody", self._payment(), _NOBODY)

    async def _refund(self) -> None:
        """Refund what was not charged, or does not exist."""
        uncharged = [each.id for each in self._payments() if not each.is_captured]
        payment_id = self.draw.choice([_UNKNOWN, *uncharged])
        await self.clients.refund(RefundCommand(payment_id, None, "mistake"), None)

    async def _capture(self) -> None:
        payment_id = self._payment()
        await self._send("capture", lambda it: it.capture(payment_id, None, _WRONG_CURRENCY))

    async def _void(self) -> None:
        """Release what was released, or does not exist."""
        released = [each.id for each in self._payments() if each.status in _RELEASED]
        payment_id = self.draw.choice([_UNKNOWN, *released])
        await self._send("void", lambda it: it.void(payment_id))

    async def _review(self) -> None:
        """Decide about a payment that has failed, or does not exist."""
        failed = [each.id for each in self._payments() if each.status is PaymentStatus.FAILED]
        payment_id = self.draw.choice([_UNKNOWN, *failed])
        decision = self.draw.choice(tuple(ReviewDecision))
        await self._send("review", lambda it: it.review(payment_id, decision))

    async def _choose_gateway(self) -> None:
        """Pay at a gateway that the shop does not have."""
        order_id, user = self._order()
        command = PayOrder(order_id, user, CardToken("tok_visa"), gateway=_NOT_OFFERED)
        await self.clients.pay("nobody", command, None, PATIENCE_SECONDS)

    async def _open_session(self) -> None:
        order_id, user = self._order()
        command = OpenSession(order_id, user, _NOT_OFFERED, SHOP, SHOP)
        serve = self.clients.cluster.choose_serve()
        if serve is not None:
            self.clients.trace.count(Activity.MAKES_MISTAKE)
            creating = self.clients.loop.spawn(serve.process, serve.create_session(command))
            await asyncio.wait([creating], timeout=PATIENCE_SECONDS)

    def _order(self) -> tuple[OrderId, UserId]:
        known = [
            (order.id, order.replica.terms.user_id)
            for _, order in self.clients.cluster.runtime.database.orders.values()
            if order.replica.terms is not None
        ]
        return self.draw.choice([(OrderId("unknown"), _NOBODY), *known])

    async def _send(
        self, request: str, send: Callable[[Serve], Coroutine[Any, Any, Response]]
    ) -> None:
        await self.clients.operate(Activity.MAKES_MISTAKE, request, send)
