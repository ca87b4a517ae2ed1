"""The comparison at the end of each test finds inconsistencies."""

import asyncio

from attrs import evolve

from tests.promises import broken_promises
from tests.system.comparison import all_texts, assert_promises_kept, observe
from tests.system.deployment import JWT_KEY
from tests.system.system import System

# Changes of one order in the database, and the promises that each breaks.
SABOTAGE = (
    ("UPDATE payments SET status = 'failed' WHERE order_id = $1", {"2", "3"}),
    ("UPDATE payments SET status = 'processing' WHERE order_id = $1", {"2", "3", "9"}),
    ("UPDATE payments SET amount = 999 WHERE order_id = $1", {"2", "7"}),
    ("UPDATE payments SET user_id = 'thief' WHERE order_id = $1", {"8"}),
    ("UPDATE orders SET status = 'cancelled' WHERE id = $1", {"4"}),
    (
        "UPDATE orders SET terms_version = NULL, user_id = NULL, price = NULL, currency = NULL"
        " WHERE id = $1",
        {"5"},
    ),
    ("UPDATE outbox SET sent_at = NULL, parked = 'x' WHERE order_id = $1", {"9"}),
    (f"UPDATE payments SET code = '{JWT_KEY}' WHERE order_id = $1", {"8"}),
)


async def broken(system: System, order_id: str) -> set[str]:
    """Return the numbers of the promises that are broken for an order."""
    observed = evolve(await observe(system, [order_id]), texts=await all_texts(system))
    return {promise.partition(":")[0] for promise in broken_promises(observed)}


async def test_the_comparison_finds_every_inconsistency(system: System) -> None:
    order_ids = [await system.create_order() for _ in (*SABOTAGE, "charged twice")]
    paid = await asyncio.gather(*(system.api.pay(order_id) for order_id in order_ids))
    await assert_promises_kept(system, order_ids, paid)
    system.suspend_workers()  # they would repair some of it
    for order_id, (sql, promises) in zip(order_ids, SABOTAGE, strict=False):
        await system.query(sql, order_id)
        found = await broken(system, order_id)
        assert promises <= found, sql
    await system.query("UPDATE payments SET code = NULL WHERE code = $1", JWT_KEY)
    metadata = f"metadata[order_id]={order_ids[-1]}&metadata[payment_id]={paid[-1].payment_id}"
    await system.stripe.charge_externally(f"amount=1000&currency=usd&source=tok_visa&{metadata}")
    assert {"1", "2"} <= await broken(system, order_ids[-1])
