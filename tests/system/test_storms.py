"""Storms: everybody wants to pay the same order at the same moment, at both replicas."""

import asyncio

from tests.system.comparison import holds
from tests.system.customers import Answer
from tests.system.shop import new_name
from tests.system.site import Runtime

ROUNDS = 20
AT_ONCE = 50


async def test_fifty_posts_for_one_order_at_two_replicas_are_one_charge(runtime: Runtime) -> None:
    user = new_name("user")
    order_ids = [await runtime.order(user) for _ in range(ROUNDS)]
    answers: list[Answer] = []
    for order_id in order_ids:
        storm = await asyncio.gather(
            *(runtime.customers.pay(order_id, user, replica=n % 2) for n in range(AT_ONCE))
        )
        statuses = [answer.status for answer in storm]
        assert statuses.count(201) == 1, statuses
        assert statuses.count(409) == AT_ONCE - 1, statuses
        answers += storm
    await holds(runtime, order_ids, answers)
    for order_id in order_ids:
        assert len(await runtime.gateway.charges(order_id)) == 1
