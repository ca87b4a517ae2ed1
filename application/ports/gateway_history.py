"""What a gateway can list: its own record of what happened, which our books are compared with."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from application.ports.payment_gateway import PaymentGateway
from domain.payment import Payment
from domain.refund import ReportedRefund

ListRefunds = Callable[[Payment], Awaitable[Sequence[ReportedRefund]]]
"""Return all refunds of a payment's charge, no matter who has started them.

It sees every refund that the gateway has confirmed.

Raises:
    OutcomeUnknown: the gateway could not be queried, or its list cannot be read.
"""


@frozen
class GatewayHistory:
    """The lists of one gateway; None for a list that it does not have.

    Promises, checked by payments_kit/conformance/history_promises.py on every adapter that has
    them. They are optional: an adapter written before they existed keeps working without.
    """

    list_refunds: ListRefunds | None = None

    @classmethod
    def of(cls, gateway: PaymentGateway) -> "GatewayHistory":
        """Return the lists of a gateway: the methods of these names that it has."""
        return cls(list_refunds=getattr(gateway, "list_refunds", None))
