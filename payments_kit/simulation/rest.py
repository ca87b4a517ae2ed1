"""Rest: one worker finishes what is left when all faults have ended."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from application.ports.gateway_records import Period
from application.use_cases.compare_books import MARGIN
from application.use_cases.reconciliation import IN_PROGRESS
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from payments_kit.simulation.banks import Banks
from payments_kit.simulation.faults import LOSSES, FaultKind
from payments_kit.simulation.left_refunds import are_refunds_left
from payments_kit.simulation.loop import RunTooLong
from payments_kit.simulation.processes import Worker
from payments_kit.simulation.runtime import BEGINNING, SimulatedRuntime
from payments_kit.simulation.schedule import has_events_to_publish, next_delivery, next_event

# An authorization ends after seven days, and may be made after 20 hours. The latest shipment is
# published after nine days; a debit ends after three. A failing refund is repeated for 17 hours.
_MAX_REST: Final = timedelta(days=11).total_seconds()

_COMPARES_AFTER: Final = 60.0
"""In seconds: a worker compares the books every minute."""


_RECONCILES_AFTER: Final = IN_PROGRESS.total_seconds() + 1.0
"""What is newer is left alone."""

_FOUND_BY_RECONCILING: Final = (
    *(FaultKind.DISPUTED, FaultKind.DISPUTED_AT_ONCE, FaultKind.EXTERNAL_REFUND),
    *(FaultKind.REFUND_RETURNED, FaultKind.REFUND_FORGOTTEN),
)

_FOUND_BY_COMPARING: Final = (*LOSSES, FaultKind.GATEWAY_CHARGES_TWICE)


async def finish(
    worker: Worker,
    runtime: SimulatedRuntime,
    banks: Banks,
    has_failed: Callable[[], bool],
    before_reconciling: Callable[[], None],
) -> None:
    """Let this worker do what is due, from one event to the next, until there is none.

    What only a comparison of all books can find is looked for last.

    Raises:
        RunTooLong: it does not end.
    """
    healed_at = runtime.loop.time()
    is_reconciled = False
    for intake in _intakes(worker):
        await intake.alignment.run_if_due()
    while not has_failed():
        await banks.complete_refunds()
        if await _run_due_loops(worker, runtime):
            continue
        following = next_event(runtime)
        if following is None or _may_compare(runtime, following):
            for guard in worker.dependencies.use_cases.books_guards:
                await guard.compare()
            following = next_event(runtime)
        if following is None:
            if is_reconciled or not _must_reconcile(runtime):
                return
            is_reconciled = True
            before_reconciling()
            await _reconcile(worker, runtime)
            continue
        if following - healed_at > _MAX_REST:
            raise RunTooLong(f"{_MAX_REST} virtual seconds after everything was healed")
        await asyncio.sleep(max(0.0, following - runtime.loop.time()) + 0.001)


def _must_reconcile(runtime: SimulatedRuntime) -> bool:
    """Whether the gateway may have what no notification has told."""
    happened = runtime.injector.happened
    return any(happened[kind] for kind in _FOUND_BY_RECONCILING) or are_refunds_left(runtime)


async def _reconcile(worker: Worker, runtime: SimulatedRuntime) -> None:
    """Compare all books of the run, as an operator does with `payments reconcile --repair`."""
    use_cases = worker.dependencies.use_cases
    await asyncio.sleep(_RECONCILES_AFTER)
    # A difference of the first MARGIN of a period stays: not all of what it was about is compared.
    period = Period(BEGINNING - 2 * MARGIN, runtime.now() + MARGIN)
    for at in runtime.gateways(runtime.gateway_names):
        await use_cases.reconcile(at, period, lambda _found: None, repair=True)


def _may_compare(runtime: SimulatedRuntime, following: float) -> bool:
    """Whether there is time to compare the books before the next event; it costs steps."""
    may_differ = any(runtime.injector.is_possible(kind) for kind in _FOUND_BY_COMPARING)
    return may_differ and following - runtime.loop.time() > _COMPARES_AFTER


async def _run_due_loops(worker: Worker, runtime: SimulatedRuntime) -> int:
    """Run each loop once that has work, as idle checks cost steps; return how much was done."""
    use_cases = worker.dependencies.use_cases
    done = await use_cases.recover_payments.run_once()
    done += await use_cases.apply_deferred_notifications.run_once()
    if has_events_to_publish(runtime):
        done += await use_cases.relay_outbox.run_once()
    delivery = next_delivery(runtime)
    if delivery is not None and delivery <= runtime.now():
        for intake in _intakes(worker):
            done += await intake.run_once()
    return done


def _intakes(worker: Worker) -> list[OrderIntake | PaymentCreatedIntake]:
    dependencies = worker.dependencies
    shipments = dependencies.shipment_intake
    intakes = [dependencies.order_intake, shipments, dependencies.payment_intake]
    return [each for each in intakes if each is not None]
