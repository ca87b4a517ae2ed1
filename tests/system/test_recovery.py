"""The steps of docs/recovery.md, on real processes: an old backup is restored, and heals."""

import asyncio
import json
from typing import Any

from adapters.clock import utc_now
from domain.payment_status import PaymentStatus
from tests.system.comparison import assert_promises_kept
from tests.system.system import System
from tests.system.test_restored_books import back_up, created, pay, restore


async def reconcile(system: System, since: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the command; return its exit code and the differences."""
    done = await system.run_command("reconcile", "--since", since, "--repair", "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["differences"]


async def test_an_old_backup_is_healed_by_the_documented_steps(system: System) -> None:
    since = utc_now().isoformat()
    kept, refunded, cancelled = [await system.create_order() for _ in range(3)]
    backup = await asyncio.to_thread(back_up, system.deployment.postgres)
    lost = await system.create_order()  # with its order event
    order_ids = [kept, refunded, cancelled, lost]
    paid = [await pay(system, order_id) for order_id in order_ids]
    await assert_promises_kept(system, order_ids, paid)
    published = await created(system, order_ids)
    [charge] = await system.stripe.charges(refunded)
    await system.stripe.request("refunds", f"charge={charge['id']}&amount=300")

    # Stop everything, restore the backup, compare.
    for process in system.deployment.service_processes:
        process.kill()
    await system.events.cancel_order(cancelled)
    await asyncio.to_thread(restore, system.deployment.postgres, backup)
    code, differences = await reconcile(system, since)
    assert code == 0, differences
    # A payment of an earlier test may have been given back meanwhile.
    ours = [each for each in differences if each.get("orderId") in order_ids]
    found = [(each["kind"], each["orderId"]) for each in ours]
    assert sorted(found) == sorted(
        [("lost_charge", each) for each in order_ids] + [("external_refund", refunded)]
    )

    # Start everything again: the order events are read again.
    await asyncio.to_thread(system.deployment.restore)
    await system.wait_for_cancellation(cancelled)
    again = [await pay(system, order_id) for order_id in order_ids]
    assert [response.status for response in again] == [409, 409, 400, 409]
    observed = await assert_promises_kept(system, order_ids, [*paid, again[0], again[1], again[3]])
    assert {each.status for each in observed.payments.values()} == {PaymentStatus.SUCCEEDED}
    for order_id in order_ids:
        assert len(await system.stripe.charges(order_id)) == 1
    assert await created(system, order_ids) == published
    assert await reconcile(system, since) == (0, [])
