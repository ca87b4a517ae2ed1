"""SignedAmount: money that comes or goes, in whole minor units."""

from decimal import Decimal

from attrs import field, frozen

from domain.money import MAX_MINOR_UNITS, Currency


def whole_and_in_range(_instance: object, _attribute: object, minor_units: int) -> None:
    """Check the minor units of an amount that may be negative."""
    if type(minor_units) is not int or abs(minor_units) > MAX_MINOR_UNITS:
        raise ValueError(f"minor units out of range: {str(minor_units)[:40]}")


@frozen
class SignedAmount:
    """A whole number of a currency's minor units: positive if it comes, negative if it goes."""

    minor_units: int = field(validator=whole_and_in_range)
    currency: Currency

    @property
    def major(self) -> Decimal:
        """The same amount in major units: -1999 usd is Decimal("-19.99")."""
        return Decimal(f"{self.minor_units}E-{self.currency.decimals}")

    def __neg__(self) -> "SignedAmount":
        return SignedAmount(-self.minor_units, self.currency)

    def __abs__(self) -> "SignedAmount":
        return SignedAmount(abs(self.minor_units), self.currency)

    def __str__(self) -> str:
        return f"{self.major} {self.currency.code}"
