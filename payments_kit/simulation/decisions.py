"""Decisions: an operator decides about each payment in review, at once or days later."""

import random
from typing import Final

from attrs import frozen

from domain.identifiers import PaymentId
from domain.order_reviews import ReviewDecision
from domain.payment import Payment
from entrypoints.http.handlers import RefundCommand
from payments_kit.simulation.clients import Clients

_MAX_EXPONENT: Final = 5.0
"""The latest decision is 10 to this power of seconds later: a day."""

_REFUNDS_BEFORE: Final = 0.3
"""How often the operator gives all of it back before deciding, so that nothing is left to keep."""


@frozen
class Decisions:
    """Decides about a payment once, or twice, in the same or another way."""

    clients: Clients
    draw: random.Random

    def notice(self, payment_id: str) -> None:
        """Begin to decide about a payment that is in review now."""
        loop = self.clients.loop
        for _ in range(self.draw.choice((1, 1, 2))):
            seconds = 10 ** self.draw.uniform(-1.0, _MAX_EXPONENT)
            loop.call_later(seconds, self._begin, PaymentId(payment_id), context=loop.outside)

    def _begin(self, payment_id: PaymentId) -> None:
        self.clients.loop.start(None, self._decide(payment_id))

    async def _decide(self, payment_id: PaymentId) -> None:
        payment = self._payment(payment_id)
        if payment is None:
            return  # the database has lost it
        if self.draw.random() < _REFUNDS_BEFORE:
            await self.clients.refund(RefundCommand(payment_id, None, "requested"), None)
        await self.clients.review(payment, self.draw.choice(tuple(ReviewDecision)))

    def _payment(self, payment_id: PaymentId) -> Payment | None:
        database = self.clients.cluster.runtime.database
        order_id = database.order_of.get(payment_id)
        return None if order_id is None else database.orders[order_id][1].payment(payment_id)
