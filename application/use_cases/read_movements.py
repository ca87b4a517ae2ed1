"""Read what moved on a gateway's balance, with the order and payment of each movement."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

from attrs import frozen

from application.ports.charge_owners import ChargeOwners
from application.ports.gateway_records import Page, Period
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import LookupRefused, OutcomeUnknown
from domain.ledger import Owner
from domain.movement import Movement, Payout

RETRY_AFTER: Final = (1.0, 4.0)
"""How many seconds later a page is asked for again. A list of a year has thousands of pages, and
one lost reply must not end it."""

Record = TypeVar("Record")
Sleep = Callable[[float], Awaitable[None]]


@frozen
class OwnedMovement:
    """A movement, and whose it is."""

    gateway: str
    movement: Movement
    owner: Owner | None
    """None: of nobody that we know, or about the balance itself."""


class NoMovements(Exception):
    """The gateway cannot list what moves on its balance."""

    def __init__(self, gateway: str) -> None:
        super().__init__(f"the gateway {gateway} cannot list what moves on its balance")


@frozen
class ReadMovements:
    """Reads page by page, and finds the payments of each page in one query."""

    owners: ChargeOwners
    sleep: Sleep = asyncio.sleep

    async def of_period(
        self, gateway: ConfiguredGateway, period: Period
    ) -> AsyncIterator[OwnedMovement]:
        """Yield the movements of a period.

        Raises:
            NoMovements: the gateway cannot list them.
            OutcomeUnknown: the gateway cannot be asked.
        """
        list_movements = gateway.movements.list_movements
        if list_movements is None:
            raise NoMovements(gateway.name)
        async for page in self.pages(lambda cursor: list_movements(period, cursor)):
            for each in await self._owned(gateway, page):
                yield each

    async def of_payout(
        self, gateway: ConfiguredGateway, payout: Payout
    ) -> AsyncIterator[OwnedMovement]:
        """Yield what an itemized payout contains, and the payout's own movement.

        Raises:
            NoMovements: the gateway cannot list it.
            OutcomeUnknown: the gateway cannot be asked.
        """
        contained = gateway.movements.list_payout_movements
        if contained is None:
            raise NoMovements(gateway.name)
        async for page in self.pages(lambda cursor: contained(payout.id, cursor)):
            for each in await self._owned(gateway, page):
                yield each

    async def pages(
        self, ask: Callable[[str | None], Awaitable[Page[Record]]]
    ) -> AsyncIterator[Sequence[Record]]:
        """Yield the records of each page; a page that cannot be had is asked for again.

        Raises:
            OutcomeUnknown: also then.
        """
        cursor: str | None = None
        while True:
            page = await self._asked(ask, cursor)
            yield page.records
            if (cursor := page.cursor) is None:
                return

    async def _asked(
        self, ask: Callable[[str | None], Awaitable[Page[Record]]], cursor: str | None
    ) -> Page[Record]:
        for seconds in RETRY_AFTER:
            try:
                return await ask(cursor)
            except LookupRefused:
                raise
            except OutcomeUnknown:
                await self.sleep(seconds)
        return await ask(cursor)

    async def _owned(
        self, gateway: ConfiguredGateway, movements: Sequence[Movement]
    ) -> list[OwnedMovement]:
        charges = {each.charge_id for each in movements if each.charge_id is not None}
        owners = await self.owners.find(gateway.name, gateway.livemode, charges) if charges else {}
        return [
            OwnedMovement(
                gateway.name, each, None if each.charge_id is None else owners.get(each.charge_id)
            )
            for each in movements
        ]
