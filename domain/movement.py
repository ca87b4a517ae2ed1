"""Movement: one change of our balance at a gateway; Payout: a transfer of it to our bank."""

from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from attrs import field, frozen

from domain.identifiers import ChargeId
from domain.money import Currency
from domain.signed_amount import SignedAmount, whole_and_in_range

MAX_TEXT: Final = 255
"""The longest identifier or word of a gateway, as in the tables."""


class MovementKind(Enum):
    """What changed the balance; the sign of the amount says in which direction.

    The words are those of https://docs.stripe.com/reports/reporting-categories.
    """

    CHARGE = "charge"
    CHARGE_FAILURE = "charge_failure"
    """The money of a charge has not come, although it was counted, as of a bank debit."""
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    """A refund did not reach the customer, and is back."""
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    """A dispute was won, and its money is back."""
    FEE = "fee"
    """A fee of its own; most are a part of the movement that they are for."""
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"
    """A payout did not reach the bank, and is back."""
    CONVERSION = "conversion"
    """One side of a conversion between two balances."""
    ADJUSTMENT = "adjustment"
    OTHER = "other"
    """The gateway has a word for it that we do not know."""


def _is_text(_instance: object, _attribute: object, text: Any) -> None:
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise ValueError("an identifier or word is too long, or not text")


def _is_text_or_none(instance: object, attribute: object, text: Any) -> None:
    if text is not None:
        _is_text(instance, attribute, text)


def _has_zone(_instance: object, _attribute: object, at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("a time has no zone")


@frozen
class Movement:
    """One change of our balance at a gateway."""

    id: str = field(validator=_is_text)
    """The gateway's name for it (Stripe: `txn_…`)."""
    kind: MovementKind
    word: str = field(validator=_is_text)
    """The gateway's own word for its kind."""
    currency: Currency
    """The currency of the balance; it may differ from that of the charge."""
    amount: int = field(validator=whole_and_in_range)
    """Before the fee, in minor units; negative if the balance decreases."""
    fee: int = field(validator=whole_and_in_range)
    """What the gateway keeps of it, in minor units; negative if it gives a fee back."""
    created_at: datetime = field(validator=_has_zone)
    source: str | None = field(validator=_is_text_or_none)
    """The gateway's name for the charge, refund, dispute or payout that it is about."""
    charge_id: ChargeId | None = field(validator=_is_text_or_none)
    """The charge that it is about, also that of a refund or a dispute."""
    payout_id: str | None = field(default=None, validator=_is_text_or_none)
    """The payout that contains it, or that it is; None if that is not known."""
    original: SignedAmount | None = None
    """What the customer paid or received, if that was converted to the balance's currency."""

    @property
    def net(self) -> int:
        """By how much the balance changes, in minor units."""
        return self.amount - self.fee

    @property
    def type(self) -> str:
        """The word for its kind: ours, or the gateway's own for a kind that we do not know."""
        return self.word if self.kind is MovementKind.OTHER else self.kind.value

    @property
    def is_payout(self) -> bool:
        """Whether it is a payout itself, instead of what is paid out."""
        return self.kind is MovementKind.PAYOUT


@frozen
class Payout:
    """A transfer of the balance to our bank."""

    id: str = field(validator=_is_text)
    currency: Currency
    amount: int = field(validator=whole_and_in_range)
    """In minor units; negative if the gateway takes money from our bank."""
    created_at: datetime = field(validator=_has_zone)
    arrives_on: date
    is_itemized: bool
    """Whether the gateway says which movements it consists of."""
