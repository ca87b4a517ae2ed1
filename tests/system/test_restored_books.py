"""A backup of the database is restored although customers have paid since it was made."""

import asyncio
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from domain.payment_status import PaymentStatus
from payments_kit.servers.postgres import LocalPostgres
from tests.system.api_client import Response
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import on_subject
from tests.system.system import System
from tests.system.waiting import eventually


def back_up(postgres: LocalPostgres) -> Path:
    """Copy the data of the server while it is stopped."""
    backup = postgres.folder / "backup"
    shutil.rmtree(backup, ignore_errors=True)
    postgres.stop()
    # Unlike shutil, it keeps the owner, who is not root.
    subprocess.run(["cp", "-a", postgres.folder / "data", backup], check=True)
    postgres.start()
    return backup


def restore(postgres: LocalPostgres, backup: Path) -> None:
    """Replace the data of the server."""
    postgres.stop()
    shutil.rmtree(postgres.folder / "data")
    backup.rename(postgres.folder / "data")
    postgres.start()


async def pay(system: System, order_id: str, serve: int = 0) -> Response:
    """Pay; again after each 503, as it asks for."""

    async def is_answered() -> Response:
        response = await system.api.pay(order_id, serve=serve)
        assert response.status != 503, response
        return response

    return await eventually(is_answered)


async def pay_five_and_restore(
    system: System, *, workers: bool
) -> tuple[list[str], list[Response], set[str]]:
    """Return five orders, the replies to their payments, and the ids of the events about them.

    Without workers, only the requests of customers can restore anything.
    """
    order_ids = [await system.create_order() for _ in range(5)]
    backup = await asyncio.to_thread(back_up, system.deployment.postgres)
    paid = [await pay(system, order_id) for order_id in order_ids]
    assert [response.status for response in paid] == [201] * 5
    await assert_promises_kept(system, order_ids, paid)
    published = await created(system, order_ids)
    if not workers:
        system.suspend_workers()
    await asyncio.to_thread(restore, system.deployment.postgres, backup)
    return order_ids, paid, published


async def created(system: System, order_ids: Sequence[str]) -> set[str]:
    events = on_subject("payment:created", await system.events.payment_events(order_ids))
    return {event.headers["Nats-Msg-Id"] for event in events}


async def test_no_customer_pays_again_after_a_backup_was_restored(system: System) -> None:
    order_ids, paid, published = await pay_five_and_restore(system, workers=False)
    again = [
        await pay(system, order_id, serve=number % 2) for number, order_id in enumerate(order_ids)
    ]
    assert [response.status for response in again] == [409] * 5
    assert [response.payment_id for response in again] == [response.payment_id for response in paid]
    system.resume_workers()
    for order_id in order_ids:
        assert len(await system.stripe.charges(order_id)) == 1
    await assert_promises_kept(system, order_ids, [*paid, *again])
    assert await created(system, order_ids) == published
    doctor = await system.run_command("doctor")
    assert "the books were behind" in doctor.stdout, doctor.stdout


async def test_lost_payments_are_restored_without_any_request(system: System) -> None:
    order_ids, paid, published = await pay_five_and_restore(system, workers=True)
    for order_id in order_ids:
        await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, order_ids, paid)
    assert await created(system, order_ids) == published


async def test_a_refund_that_was_lost_with_a_restored_backup_stays_one_refund(
    system: System,
) -> None:
    order_id = await system.create_order()
    paid = await pay(system, order_id)
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    backup = await asyncio.to_thread(back_up, system.deployment.postgres)
    refunded = await eventually(lambda: refund(system, paid, "key-1"))
    assert refunded.status == 201
    await assert_promises_kept(system, [order_id], [paid])
    published = await refunded_events(system, order_id)
    assert len(published) == 1
    await asyncio.to_thread(restore, system.deployment.postgres, backup)
    again = await eventually(lambda: refund(system, paid, "key-1"))
    assert (again.status, again.body["id"]) == (201, refunded.body["id"])
    assert len(await system.stripe.refunds(order_id)) == 1
    await assert_promises_kept(system, [order_id], [paid])
    assert await refunded_events(system, order_id) == published


async def refund(system: System, paid: Response, key: str) -> Response:
    """Refund a part; an assertion fails while the database is away."""
    response = await system.api.refund(paid.payment_id, 500, key=key)
    assert response.status != 503, response
    return response


async def refunded_events(system: System, order_id: str) -> set[str]:
    events = on_subject("payment:refunded", await system.events.payment_events([order_id]))
    return {f"{event.headers['Nats-Msg-Id']} {event.body}" for event in events}
