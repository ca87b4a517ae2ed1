"""List what a gateway has paid out, row by row, and what it has not paid out yet."""

from collections.abc import AsyncIterator

from attrs import frozen

from application.ports.gateway_records import Period
from application.ports.gateways import ConfiguredGateway
from application.ports.seen_ids import OpenSeenIds
from application.use_cases.read_movements import NoMovements, OwnedMovement, ReadMovements
from domain.movement import Payout


@frozen
class SettlementRow:
    """A movement, with its payout if it is known."""

    owned: OwnedMovement
    payout: Payout | None


@frozen
class PayoutMismatch:
    """The rows of a payout do not add up to its amount."""

    gateway: str
    payout: Payout
    contained: int
    """What they add up to, in minor units."""


@frozen
class PayoutNotItemized:
    """The gateway does not say, or not yet, what a payout contains."""

    gateway: str
    payout: Payout


@frozen
class ListSettlement:
    """List the payouts of a period with all that they contain, then what else moved in it.

    A payout contains movements from before the period, too. What is paid out only after the
    period is open at its end: it has no payout here, and one in a later settlement.
    """

    read: ReadMovements
    open_seen_ids: OpenSeenIds

    async def of_period(
        self, gateway: ConfiguredGateway, period: Period
    ) -> AsyncIterator[SettlementRow | PayoutMismatch | PayoutNotItemized]:
        """Yield the rows of a period, and the payouts that cannot be checked or are wrong.

        Raises:
            NoMovements, OutcomeUnknown: see ReadMovements.
        """
        if gateway.movements.list_movements is None:
            raise NoMovements(gateway.name)
        payouts: dict[str, Payout] = {}  # a few for each day
        with self.open_seen_ids() as seen:
            async for payout in self._payouts(gateway, period):
                payouts[payout.id] = payout
                async for row in self.of_payout(gateway, payout):
                    if isinstance(row, SettlementRow):
                        seen.add(row.owned.movement.id)
                    yield row
            async for owned in self.read.of_period(gateway, period):
                if owned.movement.id not in seen:
                    yield SettlementRow(owned, payouts.get(owned.movement.payout_id or ""))

    async def of_payout(
        self, gateway: ConfiguredGateway, payout: Payout
    ) -> AsyncIterator[SettlementRow | PayoutMismatch | PayoutNotItemized]:
        """Yield the rows of one payout.

        Raises:
            NoMovements, OutcomeUnknown: see ReadMovements.
        """
        if not payout.is_itemized:
            yield PayoutNotItemized(gateway.name, payout)
            return
        contained, is_mixed = 0, False
        async for owned in self.read.of_payout(gateway, payout):
            movement = owned.movement
            if not (movement.is_payout and movement.source == payout.id):
                contained += movement.net
                is_mixed |= movement.currency != payout.currency
            yield SettlementRow(owned, payout)
        if contained != payout.amount or is_mixed:
            yield PayoutMismatch(gateway.name, payout, contained)

    async def find(self, gateway: ConfiguredGateway, payout_id: str) -> Payout | None:
        """Return a payout of a gateway; None if it has none with this id.

        Raises:
            NoMovements: the gateway tells nothing about payouts.
            OutcomeUnknown: the gateway cannot be asked.
        """
        if gateway.movements.find_payout is None:
            raise NoMovements(gateway.name)
        return await gateway.movements.find_payout(payout_id)

    async def _payouts(self, gateway: ConfiguredGateway, period: Period) -> AsyncIterator[Payout]:
        list_payouts = gateway.movements.list_payouts
        if list_payouts is None or not gateway.movements.has_payouts:
            return
        async for page in self.read.pages(lambda cursor: list_payouts(period, cursor)):
            for payout in page:
                yield payout
