"""Identifiers: opaque text, one type for each kind, so that a type checker keeps them apart."""

from typing import NewType

OrderId = NewType("OrderId", str)
"""Chosen by the orders service."""

UserId = NewType("UserId", str)
"""Chosen by the identity provider; the `id` of a user's token."""

PaymentId = NewType("PaymentId", str)
"""Chosen by us, before anything is sent to a gateway."""

RefundId = NewType("RefundId", str)
"""Chosen by us; for an external refund, the gateway's reference."""

ChargeId = NewType("ChargeId", str)
"""The gateway's identifier of captured money (Stripe: `ch_…`); `stripeId` in events."""

DisputeId = NewType("DisputeId", str)
"""Chosen by the gateway (Stripe: `dp_…`)."""
