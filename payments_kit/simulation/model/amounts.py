"""Amounts, as gateways and events name them."""

from typing import NamedTuple


class Amount(NamedTuple):
    """Whole minor units of a currency; its ISO 4217 code in lower case."""

    minor_units: int
    currency: str

    def __str__(self) -> str:
        return f"{self.minor_units} {self.currency}"
