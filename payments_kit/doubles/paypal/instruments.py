"""What the customer pays with, chosen on the page where an order is approved."""

from typing import Final

from payments_kit.doubles.paypal.ledger import Plan

DEFAULT: Final = "balance"
INSTRUMENTS: Final[dict[str, Plan]] = {
    DEFAULT: Plan(),
    "echeck": Plan(status="PENDING", reason="ECHECK"),
    "review": Plan(status="PENDING", reason="PENDING_REVIEW"),
    "declined": Plan(issue="INSTRUMENT_DECLINED"),
    "refused": Plan(issue="TRANSACTION_REFUSED"),
    "denied": Plan(status="DECLINED"),
}
"""What happens at a capture or authorization, by the name of an instrument."""
