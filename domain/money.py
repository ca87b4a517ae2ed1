"""Money: whole minor units of one ISO 4217 currency; exact from a Decimal, or an error."""

from decimal import Decimal
from typing import Final

from attrs import field, frozen

from domain.errors import DomainError
from domain.iso4217 import MINOR_UNITS

# The largest whole number every JSON reader holds exactly (RFC 8259, section 6: 2**53 - 1).
MAX_MINOR_UNITS: Final = 2**53 - 1

# Checked before any arithmetic: scaling 1e999999 or 1e-999999 would build a number that long. Far
# more than any price needs, so that trailing zeros ("10.00000000") are accepted.
_MAX_DIGITS: Final = 64


@frozen
class UnknownCurrency(DomainError):
    """The code is not an ISO 4217 currency with minor units."""

    code: str

    def __str__(self) -> str:
        return f"{self.code[:16]!r} is not an ISO 4217 currency code"


@frozen
class InexactAmount(DomainError):
    """The currency cannot express the amount; or it is negative, too large or not finite."""

    amount: Decimal
    currency: "Currency"

    def __str__(self) -> str:
        return f"{str(self.amount)[:40]} cannot be expressed exactly in {self.currency.code}"


@frozen
class CurrencyMismatch(DomainError):
    """Two amounts of different currencies were added, subtracted or compared."""

    left: "Currency"
    right: "Currency"


def _is_known(_currency: object, _attribute: object, code: str) -> None:
    if code not in MINOR_UNITS:
        raise UnknownCurrency(code)


@frozen
class Currency:
    """An ISO 4217 currency: its code in lower case, as in Stripe's API."""

    code: str = field(validator=_is_known)

    @classmethod
    def of(cls, code: str) -> "Currency":
        """Read a code in any case.

        Raises:
            UnknownCurrency: it is not in ISO 4217's list.
        """
        return cls(code.lower())

    @property
    def decimals(self) -> int:
        """The number of decimals of a major unit: 2 for usd, 0 for jpy, 3 for kwd."""
        return MINOR_UNITS[self.code]


def _whole_and_in_range(_money: object, _attribute: object, minor_units: int) -> None:
    if type(minor_units) is not int or not 0 <= minor_units <= MAX_MINOR_UNITS:
        raise ValueError(f"minor units out of range: {minor_units}")


@frozen
class Money:
    """A whole, non-negative number of a currency's minor units (cents, yen, fils)."""

    minor_units: int = field(validator=_whole_and_in_range)
    currency: Currency

    @classmethod
    def from_major(cls, major: Decimal, currency: Currency) -> "Money":
        """Convert an amount in major units; 19.99 usd is 1999 minor units.

        Raises:
            InexactAmount: the amount has more decimals than the currency, is negative, is not
                finite or exceeds MAX_MINOR_UNITS. It is never rounded.
        """
        if (
            not major.is_finite()
            or major.adjusted() > _MAX_DIGITS
            or _decimals(major) > _MAX_DIGITS
        ):
            raise InexactAmount(major, currency)
        numerator, denominator = major.as_integer_ratio()
        minor_units, rest = divmod(numerator * 10**currency.decimals, denominator)
        if rest or not 0 <= minor_units <= MAX_MINOR_UNITS:
            raise InexactAmount(major, currency)
        return cls(minor_units, currency)

    @property
    def major(self) -> Decimal:
        """The same amount in major units: 1999 usd is Decimal("19.99")."""
        return Decimal(f"{self.minor_units}E-{self.currency.decimals}")

    @property
    def is_zero(self) -> bool:
        """Whether the amount is zero."""
        return self.minor_units == 0

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.minor_units + other.minor_units, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.minor_units - other.minor_units, self.currency)

    def exceeds(self, other: "Money") -> bool:
        """Whether this amount is larger.

        Raises:
            CurrencyMismatch: the currencies differ.
        """
        self._same_currency(other)
        return self.minor_units > other.minor_units

    def __str__(self) -> str:
        return f"{self.major} {self.currency.code}"

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
