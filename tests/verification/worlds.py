"""What a simulated world exports, with the code that exports a real shop's records."""

import asyncio
from datetime import timedelta
from typing import Final

from adapters.gateways.in_memory import InMemoryGateway
from adapters.messaging.in_memory import InMemoryDeadLetters, InMemoryEventLog
from adapters.messaging.jetstream.plans import PLANS
from adapters.persistence.in_memory import (
    InMemoryBacklogReader,
    InMemoryBooks,
    InMemoryHistoryRoots,
    InMemoryOrderHistories,
)
from application.ports.gateway_records import Period
from application.ports.gateways import ConfiguredGateway, Gateways
from application.use_cases.export_history import ExportHistory
from entrypoints.composition.history_export import ShopRecords
from payments_kit.simulation.runtime import BEGINNING
from payments_kit.simulation.scenario import plain_scenario_of
from payments_kit.simulation.world import World
from payments_kit.verification.export import Export
from payments_kit.verification.lines import End, encode

AFTER: Final = timedelta(days=60)
"""How long after the beginning of a world its period ends: everything has ended by then."""


def run_world(seed: int) -> World:
    """Run a world whose promises are kept."""
    world = World(plain_scenario_of(seed))
    assert world.run().broken == []
    return world


def has_lost_transactions(world: World) -> bool:
    return world.observe().has_lost_transactions


def sources_of(world: World) -> ShopRecords:
    """Return where everything of a world is read."""
    runtime = world.runtime
    database, broker = runtime.database, runtime.broker
    gateways = Gateways(
        tuple(
            ConfiguredGateway(InMemoryGateway(ledger, name=name), name)
            for name, ledger in runtime.ledgers.items()
        )
    )
    histories, roots = InMemoryOrderHistories(database), InMemoryHistoryRoots(database)
    return ShopRecords(
        books=InMemoryBooks(database),
        gateways=gateways,
        log=InMemoryEventLog(broker),
        letters=InMemoryDeadLetters(broker),
        backlog=InMemoryBacklogReader(database),
        histories=histories,
        export_history=ExportHistory(histories, roots),
        now=runtime.now,
        our_subjects=PLANS.payments.subjects,
        order_subjects=PLANS.orders.subjects + PLANS.shipments.subjects,
        capture_subject="order:shipped",
        currency="usd",
    )


async def _collected(export: Export) -> list[bytes]:
    return [encode(line) async for line in export.lines()]


async def _at_once(_step: str) -> None:
    """Continue: the world has ended, with its clock."""


def exported(world: World, days: float = AFTER.days) -> list[bytes]:
    """Return the lines of a file with what a world has in these days, without hashes."""
    world.runtime.database.checkpoint = _at_once
    world.runtime.broker.checkpoint = _at_once
    period = Period(BEGINNING - timedelta(days=3), BEGINNING + timedelta(days=days))
    lines = asyncio.run(_collected(Export(sources_of(world), period)))
    lines[0] = lines[0].replace(b'"sealed":true', b'"sealed":false')
    return [*lines, encode(End(len(lines)))]
