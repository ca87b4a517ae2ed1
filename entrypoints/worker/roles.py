"""The roles of a worker, and the loops of each."""

from typing import Final

from attrs import frozen

from application.application import UseCases
from application.ports.event_publisher import OutboxSignal
from application.use_cases.books_guard import BooksGuard, BooksGuards
from domain.actor import ORDERS, RECONCILIATION, RECOVERY, Actor
from entrypoints.worker import Role
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.loops import Loop
from entrypoints.worker.run_traces import TraceRun, generated_trace

# The longest delay before the refund of a cancelled order is sent. An attempt that finds nothing
# due is one cheap statement.
RECOVER_SECONDS: Final = 0.5

# A deferred notification has already waited for its charge, so some more seconds do not matter.
DEFERRED_SECONDS: Final = 5.0

# A commit that is in progress when the relay has found nothing does not know yet that it must give
# a signal. So the relay looks again soon: a commit takes a few milliseconds.
RELAY_AGAIN_SECONDS: Final = 0.005

# How often to look whether the books must be compared with the gateway's; this costs nothing.
BOOKS_SECONDS: Final = 1.0

# How often to look whether a gateway must be reconciled; this costs nothing.
RECONCILE_SECONDS: Final = 5.0


@frozen
class WorkerDependencies:
    """What the loops call."""

    use_cases: UseCases
    order_intake: OrderIntake
    payment_intake: PaymentCreatedIntake
    outbox_signal: OutboxSignal
    maintenance: tuple[Loop, ...] = ()
    """Further loops of the role `recover`; see maintenance.py."""
    shipment_intake: OrderIntake | None = None
    """Reads `order:shipped`; None if `order_intake` reads it as well."""
    trace: TraceRun = generated_trace
    """Traces the runs of the loops."""


def loops_of(role: Role, worker: WorkerDependencies) -> tuple[Loop, ...]:
    """Return the loops of a role."""
    use_cases = worker.use_cases
    match role:
        # The intakes wait for events themselves, so they need no pause. Shipments have a loop of
        # their own, so that the other events are read if these have no stream.
        case "replicate":
            shipments = worker.shipment_intake
            intakes = {"replicate": worker.order_intake}
            if shipments is not None:
                intakes["shipments"] = shipments
            return tuple(
                Loop(name, intake.run_once, idle_seconds=0, actor=Actor(ORDERS))
                for name, intake in intakes.items()
            )
        case "reconcile":
            run_once = use_cases.reconcile_regularly.run_once
            actor = Actor(RECONCILIATION)
            return (Loop("reconcile", run_once, RECONCILE_SECONDS, actor=actor),)
        case "complete":
            return (Loop("complete", worker.payment_intake.run_once, idle_seconds=0),)
        case "relay":
            relay, signal = use_cases.relay_outbox, worker.outbox_signal
            first = RELAY_AGAIN_SECONDS
            return (Loop("relay", relay.run_once, signal=signal, first_idle_seconds=first),)
        case "recover":
            recover, deferred = use_cases.recover_payments, use_cases.apply_deferred_notifications
            actor = Actor(RECOVERY)
            return (
                Loop("recover", recover.run_once, RECOVER_SECONDS, actor=actor),
                Loop("deferred", deferred.run_once, DEFERRED_SECONDS, actor=actor),
                *_book_loops(use_cases.books_guards),
                *worker.maintenance,
            )


def _book_loops(guards: BooksGuards) -> tuple[Loop, ...]:
    """Return a loop for each gateway: a comparison that takes long delays no other one."""

    def name(guard: BooksGuard) -> str:
        return "books" if guard is guards.default else f"books {guard.compare.gateway.name}"

    return tuple(Loop(name(each), each.run_once, BOOKS_SECONDS) for each in guards)
