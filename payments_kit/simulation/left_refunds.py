"""Refunds of ours that were lost on their way, and which only a comparison of all books finds."""

from adapters.gateways.in_memory import GatewayLedger
from adapters.gateways.simulated.refunds import RefundState
from payments_kit.simulation.faults import LOSSES
from payments_kit.simulation.runtime import SimulatedRuntime


def are_refunds_left(runtime: SimulatedRuntime) -> bool:
    """Whether a loss took a refund whose charge was in the books when it was carried out.

    Nobody asks for the refunds of such a charge again. Those of a charge that was restored later
    have to be found with it.
    """
    if not any(runtime.injector.happened[each] for each in LOSSES):
        return False
    return any(_has_left(ledger, runtime) for ledger in runtime.ledgers.values())


def _has_left(ledger: GatewayLedger, runtime: SimulatedRuntime) -> bool:
    watch, ahead = runtime.watch, ledger.now() - runtime.now()
    return any(
        refund.key is not None
        and refund.state is RefundState.SUCCEEDED
        and not watch.has_refund(refund.refund_id)
        and refund.created_at is not None
        and (since := watch.captured_since.get(refund.charge_id)) is not None
        and refund.created_at - ahead > since
        for _, record in ledger.all()
        for refund in record.refunds
    )
