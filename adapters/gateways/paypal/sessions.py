"""Sessions: orders that the customer approves at PayPal.

https://developer.paypal.com/docs/api/orders/v2/#orders_create
"""

import uuid
from typing import Final

from adapters.gateways.calls import time_left
from adapters.gateways.paypal.amounts import to_paypal
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.labels import session_label
from adapters.gateways.paypal.orders import INTENTS, PATH, PayPalOrder
from adapters.gateways.paypal.payees import OwnPayee
from adapters.gateways.paypal.refusals import unsupported_amount
from application.ports.gateway_sessions import Session, SessionRequest
from domain.outcome import Refused

# An order is approved and then paid at the shop: the customer sees "Pay now" at PayPal. The shop
# knows where it ships to. PayPal's newer `experience_context` makes orders of the status
# PAYER_ACTION_REQUIRED; only CREATED and APPROVED ones can be changed, for which we need them
# (https://developer.paypal.com/docs/api/orders/v2/#orders_patch).
_CONTEXT: Final = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}


async def create_session(
    api: PayPalApi, own: OwnPayee, request: SessionRequest
) -> Session | Refused:
    """Create an order at PayPal; see the port's CreateSession."""
    amount = to_paypal(request.amount)
    if amount is None:
        return unsupported_amount(request.amount)
    body = {
        "intent": INTENTS[request.capture_mode],
        "purchase_units": [{"amount": amount, "custom_id": session_label(request.order_id)}],
        "application_context": {
            **_CONTEXT,
            "return_url": request.return_url,
            "cancel_url": request.cancel_url,
        },
    }
    try:
        created = await api.post(PATH, time_left()(), str(uuid.uuid4()), body)
    except RequestRefused as refused:
        return Refused(refused.error.code, refused.error.words)
    own.learn(created)
    order = PayPalOrder(created, api.livemode)
    return Session(order.id, order.action().redirect_url or "")
