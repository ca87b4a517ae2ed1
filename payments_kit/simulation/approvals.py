"""Approvals: customers who approve a session at the gateway: at once, late, twice, or never."""

import asyncio
import random
from typing import Final

from attrs import frozen

from domain.identifiers import OrderId, UserId
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.gateway_events import GatewayEvents

_MAX_EXPONENT: Final = 4.0
"""The latest approval comes 10 to this power of seconds after the session: longer than an hour,
which is the time that a customer has."""

_BEFORE: Final = 0.4
_NEVER: Final = 0.15
_TWICE: Final = 0.2

_TRIES: Final = 8

_PREFIX: Final = "session_"


@frozen
class Approvals:
    """The sessions of one customer, and when they are approved."""

    name: str
    order_id: OrderId
    clients: Clients
    gateway: GatewayEvents
    draw: random.Random
    """A random stream of its own, so that the other decisions of a seed stay the same."""

    async def choose(self, card: str, user: UserId) -> str:
        """Return the token of a session instead of a card, if the customer pays so."""
        if not self.clients.injector.occurs(FaultKind.PAYS_BY_SESSION, self.name):
            return card
        for _ in range(_TRIES):
            token = await self.clients.create_session(self.name, self.order_id, user)
            if token is not None:
                break
            await asyncio.sleep(self.draw.expovariate(1 / 3.0))  # the order may not be known yet
        else:
            return card
        kind = self.draw.random()
        if kind < _BEFORE:
            await self._approve(token)
        elif kind < 1.0 - _NEVER:
            self._approve_later(token)
        return token

    @staticmethod
    def is_session(token: str) -> bool:
        """Whether the customer approves this at the gateway."""
        return token.startswith(_PREFIX)

    def _approve_later(self, token: str) -> None:
        """Let the customer approve once or twice, without the shop's page."""
        loop, times = self.clients.loop, 2 if self.draw.random() < _TWICE else 1
        for _ in range(times):
            seconds = 10 ** self.draw.uniform(-1.0, _MAX_EXPONENT)
            seconds = self.clients.injector.edges.of(seconds, 10**_MAX_EXPONENT)
            loop.call_later(seconds, self._begin, token, context=loop.outside)

    def _begin(self, token: str) -> None:
        self.clients.loop.start(None, self._approve(token))

    async def _approve(self, token: str) -> None:
        is_approved = await self.gateway.approve(token)
        what = "approves" if is_approved else "can no longer approve"
        self.clients.trace.record(self.name, f"{what} {token}")
        if is_approved:
            self.clients.trace.count(Activity.APPROVES)
