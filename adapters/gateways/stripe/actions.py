"""What the customer must do for an intent: its `next_action`.

https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action
"""

from typing import Final

from adapters.gateways.stripe.objects import MAX_SECRET, Json, nested, text
from domain.outcome import Pending, RequiresAction

# Paid outside of the shop, within days: vouchers, bank transfers, and deposits of cents that the
# customer reads off their account
# (https://docs.stripe.com/payments/vouchers, https://docs.stripe.com/payments/bank-transfers,
# https://docs.stripe.com/payments/ach-direct-debit).
_PAID_LATER: Final = frozenset(
    {
        *("boleto_display_details", "display_bank_transfer_instructions"),
        *("konbini_display_details", "multibanco_display_details", "oxxo_display_details"),
        "verify_with_microdeposits",
    }
)

# The names of the address of a page for the customer, in every kind of action. Addresses of images
# and of apps are not among them.
_ADDRESSES: Final = (
    *("url", "hosted_voucher_url", "hosted_instructions_url", "hosted_verification_url"),
)

# Its contents are for Stripe's script only.
_FOR_SCRIPT: Final = "use_stripe_sdk"


def required_by(intent: Json) -> RequiresAction | Pending:
    """Return what the customer must do now, or that they pay later: with a voucher, for example.

    A kind of action that is not known is one that they must do now.

    Raises:
        Unreadable: the action is missing.
    """
    action = nested(intent, "next_action")
    kind = text(action, "type")
    required = RequiresAction(
        reference=text(intent, "id"),
        client_secret=text(intent, "client_secret", MAX_SECRET),
        next_action=kind,
        redirect_url=None if kind == _FOR_SCRIPT else _address(nested(action, kind)),
    )
    return Pending(required.reference, action=required) if kind in _PAID_LATER else required


def _address(details: Json) -> str | None:
    """Return the address of the page for the customer; None if there is none."""
    for name in _ADDRESSES:
        found = details.get(name)
        if isinstance(found, str) and found.startswith(("https://", "http://")):
            return found if len(found) <= MAX_SECRET else None
    return None
