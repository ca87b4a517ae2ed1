"""Compose what settlement and ledger need."""

import contextlib
from collections.abc import AsyncIterator

from attrs import frozen

from adapters.persistence.sql.charge_owners import SqlChargeOwners
from adapters.seen_ids import SeenIdsOnDisk
from application.ports.gateways import Gateways
from application.use_cases.list_settlement import ListSettlement
from application.use_cases.read_movements import ReadMovements
from entrypoints.composition.runtime import open_runtime
from entrypoints.settings import Settings


@frozen
class Accounting:
    """The gateways, and what reads their balances."""

    gateways: Gateways
    read_movements: ReadMovements
    list_settlement: ListSettlement


@contextlib.asynccontextmanager
async def open_accounting(settings: Settings) -> AsyncIterator[Accounting]:
    """Open it; reading raises StorageUnavailable without the database.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    async with open_runtime(settings) as runtime:
        read = ReadMovements(SqlChargeOwners(runtime.database))
        yield Accounting(runtime.gateways, read, ListSettlement(read, SeenIdsOnDisk.opened))
