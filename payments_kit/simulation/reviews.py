"""Reviews: an operator decides about what was captured differently."""

import asyncio
import random
from typing import Final

from domain.order_reviews import ReviewDecision
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.scenario import Scenario

_SECONDS: Final = 5.0
"""How often an operator looks, on average; most payments in review wait for one look or two."""


async def review(scenario: Scenario, clients: Clients, draw: random.Random) -> None:
    """Decide about payments in review until the scenario's time is over; twice, if it happens."""
    clock = asyncio.get_running_loop().time
    while clock() < scenario.seconds:
        await asyncio.sleep(draw.expovariate(1 / _SECONDS))
        waiting = clients.payments_in_review()
        if not waiting:
            continue
        payment = draw.choice(waiting)
        decisions = [draw.choice(tuple(ReviewDecision)) for _ in range(draw.choice((1, 1, 2)))]
        await asyncio.gather(*(clients.review(payment, each) for each in decisions))
