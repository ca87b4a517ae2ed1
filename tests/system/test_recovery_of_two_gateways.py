"""The steps of docs/recovery.md with two gateways, on real processes: three books, one truth."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from adapters.clock import utc_now
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.history_roots import SqlHistoryRoots
from adapters.persistence.sql.order_histories import SqlOrderHistories
from application.use_cases.export_history import ExportHistory
from domain.audit_file import verify
from domain.identifiers import OrderId
from domain.refund import RefundStatus
from payments_kit.doubles.paypal import RunningDouble
from tests.promises import Observations
from tests.system.api_client import NoResponse, Response
from tests.system.comparison import assert_promises_kept
from tests.system.paypal_books import charges_of
from tests.system.paypal_shop import RETURN_URL, approve, refund_externally, shop
from tests.system.shop_events import on_subject
from tests.system.stripe_control import HELD
from tests.system.system import System
from tests.system.test_recovery import reconcile
from tests.system.test_restored_books import back_up, restore
from tests.system.waiting import eventually

STRIPE, PAYPAL = GATEWAYS = ("stripe", "paypal")


async def buy(system: System, order_id: str, gateway: str) -> Response:
    """Pay at a gateway as its customers do; again after each 503, as it asks for."""

    async def is_answered() -> Response:
        token, response = "tok_visa", None
        if gateway == PAYPAL:
            assert system.paypal is not None
            response = await system.api.create_session(order_id, PAYPAL, RETURN_URL)
            if response.status == 201:
                approve(system.paypal, token := str(response.body["token"]))
                response = None
        response = response or await system.api.pay(order_id, token, gateway=gateway)
        assert response.status != 503, response
        return response

    return await eventually(is_answered)


async def create(system: System) -> tuple[str, str]:
    """Create an order for each gateway."""
    return await system.create_order(), await system.create_order()


async def buy_each(system: System, order_ids: Sequence[str]) -> list[Response]:
    """Pay an order at each gateway."""
    paid = [await buy(system, *each) for each in zip(order_ids, GATEWAYS, strict=True)]
    assert [(each.status, each.body["gateway"]) for each in paid] == [
        (201, gateway) for gateway in GATEWAYS
    ]
    return paid


async def kill_while_charging(system: System, paypal: RunningDouble, by: Sequence[str]) -> None:
    """Kill everything while both gateways charge; both take the money afterwards."""
    card, wallet = by
    paying = [await system.begin_payment(card, HELD, gateway=STRIPE)]
    paypal.faults.add("slow", "/capture$", seconds=600)
    paying.append(asyncio.create_task(buy(system, wallet, PAYPAL)))

    async def is_captured_now() -> None:
        assert paypal.faults.happened["slow"] == 1

    await eventually(is_captured_now)
    for process in system.deployment.service_processes:
        process.kill()
    for each in paying:
        with suppress(NoResponse):
            await each
    await system.stripe.release()
    paypal.faults.release()

    async def have_taken_the_money() -> None:
        assert len(await system.stripe.charges(card)) == len(charges_of(paypal, [wallet])) == 1

    await eventually(have_taken_the_money)


async def event_ids(system: System, order_ids: Sequence[str]) -> set[str]:
    return {each.headers["Nats-Msg-Id"] for each in await system.events.payment_events(order_ids)}


def at_gateways(found: Observations) -> dict[str, int]:
    """Return what the gateways have of each order, by their books."""
    order_of = {each.id: str(found.payments[each.payment_id].order_id) for each in found.charges}
    kept = Counter(dict.fromkeys(order_of.values(), 0))
    for charge in found.charges:
        kept[order_of[charge.id]] += charge.amount.minor_units
    for refund in found.refunds:
        kept[order_of[refund.charge_id]] -= refund.amount.minor_units
    return {**kept}


def in_our_books(found: Observations) -> dict[str, int]:
    """Return the same by our books."""
    return {
        order.id: sum(
            each.captured_amount.minor_units
            for each in order.payments
            if each.captured_amount is not None
        )
        - sum(
            each.amount.minor_units
            for each in order.refunds
            if each.status is RefundStatus.SUCCEEDED
        )
        for order in found.orders
    }


async def in_events(system: System, order_ids: Sequence[str]) -> dict[str, int]:
    """Return the same by what was announced, once for each event's id."""
    events = await system.events.payment_events(order_ids)
    by_id = {each.headers["Nats-Msg-Id"]: each for each in events}
    kept = Counter(dict.fromkeys(order_ids, 0))
    for sign, subject in ((1, "payment:created"), (-1, "payment:refunded")):
        for each in on_subject(subject, [*by_id.values()]):
            kept[each.body["orderId"]] += sign * each.body["amount"]
    return {**kept}


async def assert_histories_verify(
    system: System, order_ids: Sequence[str], exported_in: Path
) -> None:
    """Check every history as `payments audit` does, and one with the commands."""
    database = Database(system.engine)
    export = ExportHistory(SqlOrderHistories(database), SqlHistoryRoots(database))
    for order_id in order_ids:
        lines = [line.encode() async for line in export(OrderId(order_id))]
        assert verify(lines).order_id == order_id
    exported = await system.run_command("audit", "export", order_ids[-1])
    file = exported_in / "order.jsonl"
    file.write_text(exported.stdout)
    verified = await system.run_command("audit", "verify", str(file))
    assert verified.returncode == 0, (exported, verified)


async def test_the_money_of_two_gateways_is_found_after_an_old_backup(
    logs: Path, tmp_path: Path
) -> None:
    async with shop(logs, tmp_path) as (system, paypal):
        paypal.ledger.reporting_lag = 0.0  # three hours in production
        since = utc_now().isoformat()
        kept, cancelled, refunded = [await create(system) for _ in range(3)]
        replies = await buy_each(system, kept)
        await assert_promises_kept(system, kept, replies)
        backup = await asyncio.to_thread(back_up, system.deployment.postgres)

        paid, killed = [await create(system) for _ in range(2)]
        order_ids = [*kept, *cancelled, *refunded, *paid, *killed]
        for each in (cancelled, refunded, paid):
            replies += await buy_each(system, each)
        for order_id in cancelled:
            await system.events.cancel_order(order_id)
        await system.wait_for_cancellation(*cancelled)
        await assert_promises_kept(system, order_ids, replies)
        [charge] = await system.stripe.charges(refunded[0])
        await system.stripe.request("refunds", f"charge={charge['id']}&amount=300")
        refund_externally(paypal, refunded[1], "3.00")  # PayPal's webhook tells at once

        async def is_announced() -> None:
            assert (await in_events(system, refunded))[refunded[1]] == 700

        await eventually(is_announced)
        published = await event_ids(system, order_ids)
        paypal.webhooks.endpoints.clear()  # so that nothing but the comparison finds the money
        await kill_while_charging(system, paypal, killed)

        # Restore the backup, compare, and start everything again.
        await asyncio.to_thread(restore, system.deployment.postgres, backup)
        code, differences = await reconcile(system, since)
        assert code == 0, differences
        lost = {each["orderId"] for each in differences if each["kind"] == "lost_charge"}
        assert lost == {*cancelled, *refunded, *paid, *killed}
        await asyncio.to_thread(system.deployment.restore)
        await system.wait_for_orders(*order_ids)
        await system.wait_for_cancellation(*cancelled)

        # Customers who return cannot pay again, whichever way they choose.
        for order_id, other in zip(order_ids, [PAYPAL, STRIPE] * 5, strict=True):
            again = await buy(system, order_id, other)
            assert again.status == (400 if order_id in cancelled else 409), again

        found = await assert_promises_kept(system, order_ids, replies)
        assert await reconcile(system, since) == (0, [])
        left = dict.fromkeys(order_ids, 1000) | dict.fromkeys(refunded, 700)
        left |= dict.fromkeys(cancelled, 0)
        assert at_gateways(found) == in_our_books(found) == left
        assert await in_events(system, order_ids) == left
        charged = [found.payments[each.payment_id].order_id for each in found.charges]
        assert sorted(charged) == sorted(order_ids)
        new = await event_ids(system, order_ids) - published
        subjects = sorted(each.rpartition(":")[0] for each in new)
        assert subjects == ["payment:created", "payment:created", "payment:refunded"]
        await assert_histories_verify(system, order_ids, tmp_path)
