"""Which methods of a gateway's adapter ask the gateway: those that are measured and traced."""

from typing import Final

CALLS: Final = frozenset(
    {
        *("charge", "find", "cancel", "refund", "find_refund", "capture", "create_session", "take"),
        *("list_refunds", "list_charges", "charge_records", "refund_records", "dispute_records"),
        *("list_movements", "list_payouts", "find_payout", "list_payout_movements"),
    }
)
"""The methods of the ports payment_gateway.py and gateway_*.py."""
