"""Declined cards: the limits of a run, and a customer who tries card after card."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.application import DeclineLimits
from application.ports.payment_gateway import CardToken
from application.use_cases.pay_order import PayOrder
from domain.identifiers import OrderId, UserId
from domain.replica import OrderStatus
from payments_kit.simulation.clients import PATIENCE_SECONDS, Clients
from payments_kit.simulation.faults import LOSSES, FaultInjector, FaultKind
from payments_kit.simulation.model.reports import DeclineLimits as KnownLimits
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.workloads import Workload

_CARDS: Final = (
    *("tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds", "tok_chargeDeclined"),
    "tok_threeDSecureRequiredChargeDeclined",
)

_SECONDS: Final = 2.0
"""The pause between two cards, on average."""

_MAX_EXPONENT: Final = 4.0
"""The latest return is 10 to this power of seconds later: hours after the longest window."""

_RETURNS: Final = 3

_NO_COUNT: Final = (
    *(FaultKind.CONNECTION_GONE, FaultKind.DATABASE_DOWN, FaultKind.DATABASE_SLOW),
    *(*LOSSES, FaultKind.COMMITTED_THEN_GONE),
)
"""With these, a decline may not be counted, or be lost."""


def limits_of(scenario: Scenario) -> DeclineLimits:
    """Return the limits of a run; most have none."""
    if Workload.LIMITS not in scenario.workloads:
        return DeclineLimits()
    draw = scenario.stream("limits of declines")
    window = timedelta(seconds=draw.choice((20.0, 60.0, 600.0)))
    return DeclineLimits(window, {"user": draw.choice((1, 2)), "address": draw.choice((1, 2, 3))})


def known_limits(scenario: Scenario, injector: FaultInjector) -> KnownLimits | None:
    """Return the same for the specification."""
    limits = limits_of(scenario)
    if not limits.max_declines:
        return None
    may_fail = any(map(injector.is_possible, _NO_COUNT))
    return KnownLimits(limits.window, limits.max_declines, not may_fail)


def sources_of(scenario: Scenario) -> Callable[[str, UserId], tuple[str, ...]]:
    """Return what says under which sources a customer's declined cards are counted."""
    if Workload.LIMITS not in scenario.workloads:
        return lambda _name, _user: ()
    # Two customers in three share an address.
    return lambda name, user: (f"user:{user}", f"address:{min(1, int(name[-1]) % 3)}")


@frozen
class CardTester:
    """Tries declined cards for any order of a user, and returns when the limits have ended."""

    scenario: Scenario
    clients: Clients
    draw: random.Random

    async def act(self) -> None:
        """Try until the scenario's time is over, then a few times more."""
        loop = self.clients.loop
        while loop.seconds < self.scenario.seconds:
            await asyncio.sleep(self.draw.expovariate(1 / _SECONDS))
            await self._try_a_card()
        for _ in range(_RETURNS):
            seconds = 10 ** self.draw.uniform(1.0, _MAX_EXPONENT)
            loop.call_later(seconds, self._begin, context=loop.outside)

    def _begin(self) -> None:
        self.clients.loop.start(None, self._try_a_card())

    async def _try_a_card(self) -> None:
        found = self._unpaid_orders()
        if not found:
            return
        order_id, user = self.draw.choice(found)
        card = CardToken(self.draw.choice(_CARDS))
        sources = f"user:{user}", f"address:{self.draw.choice('012')}"
        command = PayOrder(order_id, user, card, sources=sources)
        await self.clients.pay("card tester", command, None, PATIENCE_SECONDS)

    def _unpaid_orders(self) -> list[tuple[OrderId, UserId]]:
        orders = self.clients.cluster.runtime.database.orders.values()
        return [
            (order.id, order.replica.terms.user_id)
            for _, order in orders
            if order.replica.terms is not None
            and order.replica.status is OrderStatus.CREATED
            and order.live_payment is None
        ]
