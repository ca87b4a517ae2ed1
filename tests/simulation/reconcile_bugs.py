"""Bugs of a reconciliation that runs beside everything else.

In the other runs the role is left out: once an hour is once in a run, which says nothing. Here it
looks every two seconds, and nothing is too new to be repaired.
"""

from datetime import timedelta
from itertools import count
from typing import Final

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_history import ListedCharge
from application.ports.gateway_records import FailedCharge
from application.ports.payment_gateway import CardToken
from application.use_cases import (
    reconcile_charges,
    reconcile_payments,
    reconcile_regularly,
    reconcile_reports,
)
from application.use_cases.reconcile_charges import ReconcileCharges
from application.use_cases.reconciliation import Part
from domain.payment import Payment
from payments_kit.simulation import processes
from tests.simulation.bug import Bug

_PAUSE: Final = timedelta(seconds=2)

ALWAYS_RECONCILING: Final = Bug(
    "the role beside everything",
    *(processes, "_ROLES", (*processes._ROLES, "reconcile")),
    Bug(
        "every two seconds",
        *(reconcile_regularly, "INTERVAL", _PAUSE),
        Bug(
            "again after two seconds",
            *(reconcile_regularly, "RETRY_AFTER", _PAUSE),
            Bug(
                "charges at once",
                *(reconcile_charges, "IN_PROGRESS", timedelta(0)),
                Bug(
                    "payments at once",
                    *(reconcile_payments, "IN_PROGRESS", timedelta(0)),
                    Bug("refunds at once", reconcile_reports, "IN_PROGRESS", timedelta(0)),
                ),
            ),
        ),
    ),
)
"""No bug, but what the runs are made with."""

_repaired = ReconcileCharges._repaired


class _NewKeys(InMemoryGateway):
    """A connection to the gateway that creates a new key for every charge."""

    _charges = count(1)

    def _charge_key(self, payment: Payment) -> str:
        return f"{payment.id}:again:{next(self._charges)}"


async def _charged_again(
    self: ReconcileCharges, part: Part, record: ListedCharge | FailedCharge, found: Difference
) -> Difference:
    gateway = part.at.gateway
    if found.kind is DifferenceKind.LOST_CHARGE and isinstance(gateway, InMemoryGateway):
        again = _NewKeys(gateway.ledger, gateway.faults, gateway.checkpoint)
        await again.charge(record.payment, CardToken("tok_visa"))
    return await _repaired(self, part, record, found)


RECONCILE_BUGS: Final = (
    Bug(
        "a repair charges again",
        *(ReconcileCharges, "_repaired", _charged_again),
        ALWAYS_RECONCILING,
    ),
)
