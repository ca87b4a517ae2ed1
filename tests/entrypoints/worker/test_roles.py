"""The loops of every role, on the in-memory adapters."""

import asyncio
from datetime import timedelta

import pytest

from adapters.persistence.in_memory import (
    InMemoryBacklogReader,
    InMemoryHistoryRoots,
    InMemoryOutboxSignal,
)
from application.ports.idempotency_store import RequestKey, StoredReply
from domain.replica import OrderStatus
from entrypoints.worker import Role
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.maintenance import AlertLog, Retention, RootLog, maintenance_loops
from entrypoints.worker.roles import WorkerDependencies, loops_of
from tests.builders import PAYER, USD
from tests.world import World


async def test_the_roles_publish_events_complete_orders_delete_old_replies_and_log_alerts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, key = World(), RequestKey(PAYER, "key")
    await world.create_order()
    await world.pay()
    await world.idempotency_store.begin(key, "fingerprint", timedelta(minutes=1))
    await world.idempotency_store.finish(key, StoredReply(201, b""))
    world.advance(hours=49)
    use_cases, subscribe = world.use_cases(), world.broker.subscribe
    orders, payments = subscribe("payments", "order:created"), subscribe("shop", "payment:created")
    kept = timedelta(days=2)
    retention = Retention(world.idempotency_store, lambda: asyncio.sleep(0, result=0), kept)
    alert_log = AlertLog(InMemoryBacklogReader(world.database), world.alerts)
    worker = WorkerDependencies(
        use_cases,
        OrderIntake(
            orders,
            world.alignment(orders),
            use_cases.replicate_order,
            use_cases.cancel_order,
            use_cases.advance_positions,
            USD,
            world.alerts,
        ),
        PaymentCreatedIntake(
            payments,
            world.alignment(payments),
            use_cases.complete_order,
            use_cases.advance_positions,
        ),
        InMemoryOutboxSignal.on(world.database),
        maintenance_loops(retention, alert_log, RootLog(InMemoryHistoryRoots(world.database))),
    )
    roles: tuple[Role, ...] = ("recover", "replicate", "relay", "complete")

    loops = [loop for role in roles for loop in loops_of(role, worker)]
    done = {loop.name: await loop.run_once() for loop in loops}

    assert done.keys() > {"replicate", "recover", "deferred", "alerts"}
    assert {name for name in done if done[name]} == {"relay", "complete", "retention"}
    assert world.order().replica.status is OrderStatus.COMPLETE
    [record] = [each for each in caplog.records if each.message == "needs attention"]
    logged = record.__dict__
    assert logged["alert"] == "event_waiting"
    assert logged["reason"].startswith("event not published payment:created:")
    assert logged["next"].startswith("start NATS, and a worker with the role relay")
