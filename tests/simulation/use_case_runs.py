"""Runs of one use case alone; its process may crash at a chosen step, beside one more fault."""

from collections.abc import Iterator
from itertools import chain, count
from typing import Final

from adapters.gateways.in_memory import GatewayFaultKind
from payments_kit.simulation.faults import FaultKind, FaultOccurrence
from payments_kit.simulation.world import RunResult
from tests.depth import part
from tests.simulation.use_case_world import (
    CARDS,
    DEBITS,
    VISA,
    Action,
    UseCaseRun,
    UseCaseWorld,
)


def _pay(token: str) -> Action:
    return lambda world: world.pay(world.serve, token)


def _pending(token: str) -> Action:
    return lambda world: world.pending(token)


def _lose(token: str, fault: GatewayFaultKind, seconds: float = 0.0) -> Action:
    return lambda world: world.lose_charge(token, fault, seconds)


def _pay_while_cancelled(token: str, moment: str) -> Action:
    return lambda world: world.pay_while_cancelled(token, moment)


def recovery_after_crash(token: str, crash_at: int, *, is_cancelled: bool) -> UseCaseRun:
    """Return the recovery of a charge whose process has crashed at this step."""
    cancel = (UseCaseWorld.cancel,) if is_cancelled else ()
    return UseCaseRun(
        f"the recovery of {token} after a crash at step {crash_at}",
        UseCaseWorld.recover,
        (
            *_ORDER,
            lambda world: world.crash_charge(token, crash_at),
            *cancel,
            UseCaseWorld.wait_for_recovery,
        ),
    )


_ORDER: Final[tuple[Action, ...]] = (UseCaseWorld.publish, UseCaseWorld.replicate)
_EXPIRING: Final[tuple[Action, ...]] = (UseCaseWorld.publish_expiring, UseCaseWorld.replicate)
_PAID: Final[tuple[Action, ...]] = (*_ORDER, UseCaseWorld.paid)

_MANUAL: Final[tuple[Action, ...]] = (UseCaseWorld.publish_manual, UseCaseWorld.replicate)
_AUTHORIZED: Final[tuple[Action, ...]] = (*_MANUAL, UseCaseWorld.authorized)

CAPTURES: Final = [
    UseCaseRun("a capture by an operator", UseCaseWorld.capture, _AUTHORIZED),
    UseCaseRun("a void by an operator", UseCaseWorld.void, _AUTHORIZED),
]
AUTHORIZATIONS: Final = [
    *(UseCaseRun(f"an authorization of {card}", _pay(card), _MANUAL, True) for card in CARDS),
    UseCaseRun(
        "an authorization that was shipped before, then recovery",
        UseCaseWorld.authorize_and_recover,
        (*_MANUAL, UseCaseWorld.ship),
    ),
    *(
        UseCaseRun(
            f"an authorization whose order is cancelled at step '{moment}'",
            _pay_while_cancelled(VISA, moment),
            _MANUAL,
        )
        for moment in ("commit", "committed", "charge", "charge replied")
    ),
    *CAPTURES,
    UseCaseRun(
        "the intake of a shipment, then recovery",
        UseCaseWorld.take_shipment_and_recover,
        (*_AUTHORIZED, UseCaseWorld.publish_shipment),
    ),
    UseCaseRun(
        "the recovery of an authorization whose order is cancelled",
        UseCaseWorld.recover,
        (*_AUTHORIZED, UseCaseWorld.cancel),
    ),
    UseCaseRun(
        "the recovery of an authorization whose order is shipped and cancelled",
        UseCaseWorld.recover,
        (*_AUTHORIZED, UseCaseWorld.ship, UseCaseWorld.cancel),
    ),
    UseCaseRun(
        "the recovery of an authorization that has run out",
        UseCaseWorld.recover,
        (*_AUTHORIZED, UseCaseWorld.run_out),
    ),
]

CHARGES: Final = [UseCaseRun(f"a charge of {card}", _pay(card), _ORDER, True) for card in CARDS]
REFUND: Final = UseCaseRun("a refund", UseCaseWorld.refund, _PAID)
RELAY: Final = UseCaseRun(
    "a relay of six events",
    lambda world: world.serve.use_cases.relay_outbox.run_once(),
    (UseCaseWorld.add_six_events,),
)
INTAKE: Final = UseCaseRun(
    "the intake of an order",
    lambda world: world.worker.order_intake.run_once(),
    (UseCaseWorld.publish,),
)

RUNS: Final = [
    *(*CHARGES, REFUND, RELAY, INTAKE),
    *AUTHORIZATIONS,
    UseCaseRun(
        "the intake of a cancellation",
        lambda world: world.worker.order_intake.run_once(),
        (UseCaseWorld.publish, UseCaseWorld.publish_cancellation),
    ),
    UseCaseRun(
        "the intake of a paid order's cancellation, then recovery",
        UseCaseWorld.intake_and_recover,
        (*_PAID, UseCaseWorld.publish_cancellation),
    ),
    UseCaseRun(
        "the completion of an order",
        lambda world: world.worker.payment_intake.run_once(),
        (*_PAID, UseCaseWorld.relay),
    ),
    UseCaseRun("the recovery of a refund", UseCaseWorld.recover, (*_PAID, UseCaseWorld.cancel)),
    UseCaseRun(
        "a notification",
        UseCaseWorld.receive,
        (*_ORDER, _lose(VISA, GatewayFaultKind.REPLY_LOST)),
    ),
    *(
        UseCaseRun(f"a charge of {card} whose order expires", _pay(card), _EXPIRING)
        for card in CARDS
    ),
    *(
        UseCaseRun(
            f"a charge of {card} whose order is cancelled at step '{moment}'",
            _pay_while_cancelled(card, moment),
            _ORDER,
        )
        for card in CARDS
        for moment in ("commit", "committed", "charge", "charge replied")
    ),
    *(UseCaseRun(f"a charge of {debit}", _pay(debit), _ORDER) for debit in DEBITS),
    *(
        UseCaseRun(f"a charge of {debit} whose order expires", _pay(debit), _EXPIRING)
        for debit in DEBITS
    ),
    *(
        UseCaseRun(
            f"a charge of {debit} whose order is cancelled at step '{moment}'",
            _pay_while_cancelled(debit, moment),
            _ORDER,
        )
        for debit in DEBITS
        for moment in ("charge", "charge replied")
    ),
    *(
        UseCaseRun(
            f"the cancellation of {debit} by its customer",
            UseCaseWorld.cancel_payment,
            (*_ORDER, _pending(debit)),
        )
        for debit in DEBITS
    ),
    *(
        UseCaseRun(
            f"the recovery of {debit} whose order is cancelled",
            UseCaseWorld.recover,
            (*_ORDER, _pending(debit), UseCaseWorld.cancel),
        )
        for debit in DEBITS
    ),
]

RECOVERIES: Final = [
    UseCaseRun(
        f"the recovery of {card} after {fault.name} {seconds}{' and a cancellation' * len(cancel)}",
        UseCaseWorld.recover,
        (*_ORDER, _lose(card, fault, seconds), *cancel, UseCaseWorld.wait_for_recovery),
    )
    for card in CARDS
    for fault, seconds in (
        *((GatewayFaultKind.REQUEST_LOST, 0), (GatewayFaultKind.REPLY_LOST, 0)),
        (GatewayFaultKind.SERVER_ERROR_AFTER, 0),
        *((GatewayFaultKind.LATE, 10), (GatewayFaultKind.LATE, 60)),
    )
    for cancel in ((), (UseCaseWorld.cancel,))
]

FAULTS: Final = (
    *(FaultKind.COMMIT_REPLY_LOST, FaultKind.COMMITTED_THEN_GONE, FaultKind.SERIALIZATION_FAILURE),
    *(FaultKind.CONNECTION_GONE, FaultKind.DATABASE_SLOW, FaultKind.DATABASE_DOWN, FaultKind.PAUSE),
    *(FaultKind.PUBLISH_REPLY_LOST, FaultKind.PUBLISH_TIMED_OUT, FaultKind.BROKER_REFUSES),
    *(FaultKind.GATEWAY_UNREACHABLE, FaultKind.GATEWAY_RATE_LIMITED, FaultKind.GATEWAY_SLOW),
    *(FaultKind.GATEWAY_REQUEST_LOST, FaultKind.GATEWAY_REPLY_LOST, FaultKind.GATEWAY_ARRIVES_LATE),
    *(FaultKind.GATEWAY_ERROR, FaultKind.GATEWAY_ERROR_AFTER, FaultKind.GATEWAY_MISCHARGES),
)


def crashes(
    run: UseCaseRun, fault: FaultOccurrence | None = None, one_in: int = 1, first: int = 0
) -> Iterator[tuple[int, RunResult]]:
    """Yield the run without a crash, as step 0, then with a crash before each of its steps.

    With a fault, only those after it: before it, the run is the same as without a fault. Of many
    steps, `part` of tests/depth.py chooses.
    """
    whole = UseCaseWorld(run, fault=fault)
    yield 0, whole.run()
    for step in part(range(whole.process.steps, 0, -1), one_in, first):
        result = UseCaseWorld(run, step, fault).run()
        if fault is not None and not result.happened:
            return
        yield step, result


def faults(
    run: UseCaseRun, one_in: int = 1, first: int = 0
) -> Iterator[tuple[FaultOccurrence, RunResult]]:
    """Yield each single occurrence of a fault in a run, or a part of them, and the run with it.

    The first occurrence of each kind always is among them.
    """
    for kind in FAULTS:
        for number in chain((1,), part(count(2), one_in, first)):
            occurrence = FaultOccurrence(kind, number)
            result = UseCaseWorld(run, fault=occurrence).run()
            if not result.happened:
                break
            yield occurrence, result
