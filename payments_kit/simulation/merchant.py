"""Merchant: an operator who captures and releases what is authorized."""

import asyncio
import random
from typing import Final

from attrs import frozen

from domain.payment import Payment
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.scenario import Scenario

_VOIDS: Final = 0.3
"""How often an operator releases an authorization instead of capturing it."""


_LATER: Final = 4
"""How often an operator acts at most after all other actors have ended."""

_MAX_EXPONENT: Final = 5.8
"""The latest action is 10 to this power of seconds later: a week, when nothing is held any more."""


_NEVER: Final = -1.0


@frozen
class Merchant:
    """Captures and releases, also twice or both at once, or in the gateway's dashboard."""

    scenario: Scenario
    clients: Clients
    gateway: GatewayEvents
    draw: random.Random

    async def act(self) -> None:
        """Act until the scenario's time is over."""
        clock = asyncio.get_running_loop().time
        while clock() < self.scenario.seconds:
            await asyncio.sleep(self.draw.expovariate(self.scenario.merchant / 5.0))
            await self.act_once()

    def act_later(self, loop: SimulatedLoop) -> None:
        """Act a few times more, minutes to days later."""
        for _ in range(self.draw.randint(0, _LATER)):
            seconds = self.scenario.seconds + 10 ** self.draw.uniform(1.0, _MAX_EXPONENT)
            loop.call_at(seconds, self._begin, loop, context=loop.outside)

    def act_near(self, seconds: float) -> None:
        """Perhaps act at the edge of a moment so many seconds later, such as a hold's end."""
        loop, after = self.clients.loop, self.clients.injector.edges.near(_NEVER, seconds)
        if after != _NEVER:
            loop.call_later(after, self._begin, loop, context=loop.outside)

    def _begin(self, loop: SimulatedLoop) -> None:
        loop.start(None, self.act_once())

    async def act_once(self) -> None:
        """Capture or release one authorization, if there is one."""
        draw, occurs = self.draw, self.clients.injector.occurs
        held = self.gateway.held_payments()
        if held and occurs(FaultKind.CAPTURED_BY_OTHERS, "operator"):
            is_part = draw.random() < 0.5
            await self.gateway.capture_externally(draw.choice(held), is_part)
            return
        if held and occurs(FaultKind.RELEASED_BY_OTHERS, "operator"):
            await self.gateway.release_externally(draw.choice(held))
            return
        authorized = self.clients.authorized_payments()
        if not authorized:
            return
        payment = draw.choice(authorized)
        await asyncio.gather(*(self._send(payment) for _ in range(draw.choice((1, 1, 2)))))

    async def _send(self, payment: Payment) -> None:
        whole, draw = payment.amount.minor_units, self.draw
        if draw.random() < _VOIDS:
            await self.clients.void(payment)
            return
        part = max(1, whole * 6 // 10)
        await self.clients.capture(payment, draw.choice((None, whole, part, whole + 1, 0)))
