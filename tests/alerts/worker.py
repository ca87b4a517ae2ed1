"""A worker on in-memory adapters, which runs its loops once whenever it is told to."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

from attrs import define, frozen
from prometheus_client import CollectorRegistry

from adapters.messaging.in_memory import InMemoryDeadLetters, InMemorySubscription
from adapters.persistence.in_memory import (
    InMemoryBacklogReader,
    InMemoryHistoryRoots,
    InMemoryOutboxSignal,
)
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent, StreamProgress
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.monitoring.alert_metrics import AlertMetrics
from entrypoints.monitoring.backlog_metrics import BacklogMetrics
from entrypoints.monitoring.dead_letter_metrics import DeadLetterMetrics
from entrypoints.monitoring.process_metrics import export_reconciled
from entrypoints.monitoring.root_metrics import RootMetrics
from entrypoints.worker import Role
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.loop_health import LoopHealth
from entrypoints.worker.loops import Loop, Pacing, Signal
from entrypoints.worker.maintenance import (
    AlertLog,
    Retention,
    RootLog,
    maintenance_loops,
    replay_loop,
)
from entrypoints.worker.metrics import WorkerMetrics
from entrypoints.worker.observed_events import ObservedEvents
from entrypoints.worker.order_events import ORDER_SHIPPED
from entrypoints.worker.roles import WorkerDependencies, loops_of
from tests.builders import USD
from tests.world import World


@frozen
class AtOnce:
    """A subscription that does not wait for events; it implements InboundEvents."""

    inner: InMemorySubscription

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InboundEvent]:
        return await self.inner.fetch(limit, timedelta(0))

    async def progress(self) -> Sequence[StreamProgress]:
        return await self.inner.progress()

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        return await self.inner.has_acknowledged(progress, after)

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        return await self.inner.set_back(progress, begin)


@frozen
class Shared:
    """The figures of the database, which both processes export."""

    backlog: BacklogMetrics
    alerts: AlertMetrics

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "Shared":
        return cls(BacklogMetrics.on(registry), AlertMetrics.on(registry))

    async def refresh(self, world: World) -> None:
        """Read the figures; they stay as they are while the database is away."""
        with contextlib.suppress(StorageUnavailable):
            await self.backlog.refresh(InMemoryBacklogReader(world.database))
            await self.alerts.refresh(world.alerts)


@define
class Worker:
    """The loops of one process, with what they are observed by."""

    world: World
    registry: CollectorRegistry
    health: LoopHealth
    dependencies: WorkerDependencies
    shared: Shared
    letters: DeadLetterMetrics
    roots: RootMetrics

    @classmethod
    def start(cls, world: World, roles: Sequence[Role], registry: CollectorRegistry) -> "Worker":
        metrics = WorkerMetrics.on(registry, world.seconds)
        dependencies = _dependencies(world, metrics)
        regularly = dependencies.use_cases.reconcile_regularly
        names = [each.name for each in world.gateways]
        export_reconciled(names, regularly.reconciled_at, world.now(), registry)
        health = LoopHealth(world.seconds, metrics)
        health.start([loop for role in roles for loop in loops_of(role, dependencies)])
        return cls(
            world,
            registry,
            health,
            dependencies,
            Shared.on(registry),
            DeadLetterMetrics.on(registry),
            RootMetrics.on(registry),
        )

    async def run_once(self, roles: Sequence[Role]) -> None:
        """Run each loop of these roles until it pauses."""
        self.dependencies.order_intake.alignment.request()
        for role in roles:
            for loop in loops_of(role, self.dependencies):
                await self._run_until_pause(loop)

    async def _run_until_pause(self, loop: Loop) -> None:
        stop = asyncio.Event()

        async def end(_seconds: float, _signal: Signal) -> None:
            stop.set()

        await loop.run(stop, Pacing(sleep=end, jitter=lambda: 1.0), self.health)

    async def refresh(self) -> None:
        """Read the figures of the database and of the broker."""
        await self.shared.refresh(self.world)
        with contextlib.suppress(StorageUnavailable):
            await self.roots.refresh(InMemoryHistoryRoots(self.world.database))
        with contextlib.suppress(BrokerUnavailable):
            await self.letters.refresh(InMemoryDeadLetters(self.world.broker))


def _dependencies(world: World, metrics: WorkerMetrics) -> WorkerDependencies:
    use_cases = world.use_cases("worker-1")
    subjects = ("order:created", "order:cancelled", ORDER_SHIPPED)
    orders, payments = (
        ObservedEvents(
            AtOnce(world.broker.subscribe(durable, *read)),
            metrics.count_event,
            world.alerts,
            metrics.observe_progress,
        )
        for durable, read in (("payments", subjects), ("shop", ("payment:created",)))
    )
    retention = Retention(world.idempotency_store, _delete_nothing, timedelta(days=2))
    alert_log = AlertLog(InMemoryBacklogReader(world.database), world.alerts)
    return WorkerDependencies(
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
        (
            *maintenance_loops(retention, alert_log, RootLog(InMemoryHistoryRoots(world.database))),
            replay_loop(use_cases.replay_notifications, {}),
        ),
    )


async def _delete_nothing() -> int:
    return 0
