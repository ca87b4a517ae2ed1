"""OrderChanges: what an order says of our payment, and what it may still be used for."""

from typing import Final

from attrs import frozen

from adapters.gateways.calls import TimeLeft
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.labels import ended_label, invoice_of, payment_label
from adapters.gateways.paypal.orders import INTENTS, PATH, PayPalOrder
from domain.payment import Payment

_OTHER: Final = {"CAPTURE": "AUTHORIZE", "AUTHORIZE": "CAPTURE"}


@frozen
class OrderChanges:
    """Changes orders of one account; none of the changes moves money."""

    api: PayPalApi

    async def bind(self, order: PayPalOrder, payment: Payment, within: float) -> None:
        """Say in the order for which payment its money is taken.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see the client.
        """
        key = self.api.label_key
        changes = [
            _change("replace", f"{order.unit_path}/custom_id", payment_label(payment, key)),
            _change(
                "replace" if "invoice_id" in order.unit else "add",
                f"{order.unit_path}/invoice_id",
                invoice_of(payment),
            ),
        ]
        await self.api.patch(f"{PATH}/{order.id}", within, changes)

    async def end(self, payment: Payment, order: PayPalOrder, code: str, left: TimeLeft) -> None:
        """Let the order take no money for the payment, which has ended with this code.

        Its intent is changed, too: PayPal then refuses a request that is still on its way
        (ACTION_DOES_NOT_MATCH_INTENT).

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see the client.
        """
        path = f"{PATH}/{order.id}"
        label = _change("replace", f"{order.unit_path}/custom_id", ended_label(payment, code))
        other = _OTHER[INTENTS[payment.capture_mode]]
        try:
            await self.api.patch(path, left(), [label, _change("replace", "/intent", other)])
        except RequestRefused:
            await self.api.patch(path, left(), [label])


def _change(operation: str, path: str, value: str) -> dict[str, str]:
    """Return one change, as https://developer.paypal.com/docs/api/orders/v2/#orders_patch."""
    return {"op": operation, "path": path, "value": value}
