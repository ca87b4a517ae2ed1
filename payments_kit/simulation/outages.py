"""Outages: faults that last for a while, and faults that no single step causes."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from payments_kit.simulation.broker_faults import redeliver_one
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.gateway_faults import GatewayFaults
from payments_kit.simulation.runtime import SimulatedRuntime

_LONGEST: Final = 91.0
"""In seconds, at the edge of a limit: longer than the margin of the books' comparison."""

OUTAGES: Final = (
    *(FaultKind.DATABASE_DOWN, FaultKind.BROKER_DOWN, FaultKind.GATEWAY_DOWN),
    *(FaultKind.REDELIVERED, FaultKind.IDS_FORGOTTEN, FaultKind.GATEWAY_CRAWLS),
    *(FaultKind.TRANSACTIONS_LOST, FaultKind.GATEWAY_HANGS),
)


def _choose(runtime: SimulatedRuntime, draw: random.Random) -> GatewayFaults:
    """Return the faults of one gateway: the others still answer."""
    names = runtime.gateway_names
    return runtime.gateway_faults[names[0] if len(names) == 1 else draw.choice(names)]


async def outages(
    runtime: SimulatedRuntime,
    seconds: float,
    draw: random.Random,
    fail_over: Callable[[float], None],
) -> None:
    """Cause each possible outage once or twice within this time."""
    injector = runtime.injector
    times = sorted(
        (injector.uniform(kind, 0.0, seconds), kind.name)
        for kind in OUTAGES
        if injector.is_drawn(kind)
        for _ in range(draw.randint(1, 2))
    )
    for at, name in times:
        kind = FaultKind[name]
        await asyncio.sleep(max(0.0, at - runtime.loop.time()))
        duration = injector.edges.of(10 ** injector.uniform(kind, 0.0, 1.6), _LONGEST)
        if not injector.inject(kind):
            continue
        _begin(kind, duration, runtime, fail_over)


def begin_outage(
    kind: FaultKind, runtime: SimulatedRuntime, fail_over: Callable[[float], None]
) -> None:
    """Cause one outage now."""
    duration = 10 ** runtime.injector.uniform(kind, 0.0, 1.6)
    if runtime.injector.inject(kind, "world"):
        _begin(kind, duration, runtime, fail_over)


def _begin(
    kind: FaultKind,
    duration: float,
    runtime: SimulatedRuntime,
    fail_over: Callable[[float], None],
) -> None:
    match kind:
        case FaultKind.DATABASE_DOWN:
            runtime.database_faults.go_down(duration)
        case FaultKind.BROKER_DOWN:
            runtime.broker_faults.go_down(duration)
        case FaultKind.GATEWAY_DOWN:
            _choose(runtime, runtime.injector.stream(kind)).go_down(duration)
        case FaultKind.GATEWAY_CRAWLS:
            _choose(runtime, runtime.injector.stream(kind)).crawl(duration)
        case FaultKind.GATEWAY_HANGS:
            _choose(runtime, runtime.injector.stream(kind)).hang(duration)
        case FaultKind.TRANSACTIONS_LOST:
            fail_over(duration)
        case FaultKind.REDELIVERED:
            redeliver_one(runtime.broker, runtime.injector)
        case _:
            runtime.broker.forget_ids()
