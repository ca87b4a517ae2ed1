"""Whose a charge is: which payment of ours, and of which order."""

from collections.abc import Collection, Mapping
from typing import Protocol

from domain.identifiers import ChargeId
from domain.ledger import Owner


class ChargeOwners(Protocol):
    """Finds the payments of many charges at once.

    Promises, checked by tests/contracts/charge_owners.py on every adapter: a charge of another
    gateway or mode is not found, and a charge of nobody is absent.
    """

    async def find(
        self, gateway: str, livemode: bool, charge_ids: Collection[ChargeId]
    ) -> Mapping[ChargeId, Owner]:
        """Return the payments of these charges.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
