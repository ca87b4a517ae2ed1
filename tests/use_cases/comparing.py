"""One part of a gateway's records, compared with an order that a test has stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.application import UseCases
from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_records import Period
from application.ports.unit_of_work import UnitOfWork
from application.use_cases.reconciliation import Part
from domain.order import Order
from domain.payment import Payment
from tests.builders import NOW, ORDER
from tests.world import World

OLD = timedelta(minutes=2)
"""From this age on, what is still open is not in progress any more."""


class Comparison:
    """A part of the last day at the gateway, and what is found in it."""

    def __init__(self, world: World | None = None, *, repair: bool = False) -> None:
        self.world = world or World(gateway_type=InMemoryGateway)
        self.use_cases: UseCases = self.world.use_cases()
        self.found: list[Difference] = []
        [at] = self.use_cases.reconcile_regularly.gateways
        period = Period(NOW - timedelta(days=1), NOW + timedelta(days=1))
        store = self.use_cases.reconcile.store
        self.part = Part(at, period, repair, store, self.found.append)

    async def store(self, *orders: Order) -> None:
        async def decision(work: UnitOfWork) -> None:
            await work.orders.get_many([each.id for each in orders])
            for order in orders:
                work.orders.save(order)

        await self.use_cases.create_charge.settle.retry(decision)

    @property
    def stored(self) -> Sequence[Difference]:
        return [each.difference for each in self.world.database.differences.values()]


def a_difference(
    kind: DifferenceKind,
    payment: Payment,
    ours: str | None,
    theirs: str | None,
    subject: str | None = None,
    at: datetime | None = None,
) -> Difference:
    """Return a difference about a payment, which is not repaired."""
    return Difference(
        kind=kind,
        gateway="in_memory",
        livemode=False,
        subject=subject or payment.id,
        at=at or payment.created_at,
        order_id=ORDER,
        payment_id=payment.id,
        charge_id=payment.charge_id,
        ours=ours,
        theirs=theirs,
    )


def aged(payment: Payment, age: timedelta) -> Payment:
    """Return a payment that was claimed so long ago."""
    return evolve(payment, created_at=NOW - age)
