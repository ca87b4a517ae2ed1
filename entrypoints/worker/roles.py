"""The roles of a worker, and the loops that each consists of."""

from typing import Final

from attrs import frozen

from application.application import UseCases
from entrypoints.worker import Role
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.loops import Loop

# Checking costs one cheap statement; the refund of a cancelled order is sent this soon.
RECOVER_SECONDS: Final = 0.5

# A notification that has waited for its charge may wait some seconds more.
DEFERRED_SECONDS: Final = 5.0


@frozen
class WorkerDependencies:
    """What the loops call, and how long they wait when there is nothing to do."""

    use_cases: UseCases
    order_intake: OrderIntake
    payment_intake: PaymentCreatedIntake
    maintenance: tuple[Loop, ...] = ()
    """Further loops of the role `recover`: deleting old rows, alerts."""


def loops_of(role: Role, worker: WorkerDependencies) -> tuple[Loop, ...]:
    """Return the loops of a role."""
    use_cases = worker.use_cases
    match role:
        case "replicate":
            return (Loop("replicate", worker.order_intake.run_once, idle_seconds=0),)
        case "relay":
            return (Loop("relay", use_cases.relay_outbox.run_once),)
        case "recover":
            return (
                Loop("recover", use_cases.recover_payments.run_once, RECOVER_SECONDS),
                Loop("deferred", use_cases.apply_deferred_notifications.run_once, DEFERRED_SECONDS),
                *worker.maintenance,
            )
        case "complete":
            return (Loop("complete", worker.payment_intake.run_once, idle_seconds=0),)
