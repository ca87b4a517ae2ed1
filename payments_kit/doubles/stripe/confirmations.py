"""Confirmation tokens, which carry what the customer entered to the shop's server.

https://docs.stripe.com/api/confirmation_tokens
"""

from typing import Any

from payments_kit.doubles.stripe import methods
from payments_kit.doubles.stripe.errors import Json, invalid, refused
from payments_kit.doubles.stripe.ledger import Ledger

Params = dict[str, Any]

LIFETIME_SECONDS = 12 * 3600
"""The time between `created` and `expires_at` in Stripe's example
(https://docs.stripe.com/api/confirmation_tokens/object)."""


def create(ledger: Ledger, params: Params) -> Json:
    """Create a token, as Stripe's script does in the browser (in tests, a test helper)."""
    if "payment_method_data" in params:
        method = methods.create(ledger, params["payment_method_data"])
    elif "payment_method" in params:
        method = methods.usable(ledger, params["payment_method"])
    else:
        message = "Missing required param: payment_method_data."
        raise invalid(message, code="parameter_missing", param="payment_method_data")
    now = ledger.timestamp()
    token: Json = {
        "id": ledger.new_id("ctoken"),
        "object": "confirmation_token",
        "created": now,
        "expires_at": now + LIFETIME_SECONDS,
        "livemode": False,
        "mandate_data": None,
        "payment_intent": None,
        "payment_method_options": None,
        "payment_method_preview": {name: method[name] for name in ("billing_details", "type")},
        "return_url": params.get("return_url"),
        "setup_future_usage": None,
        "setup_intent": None,
        "shipping": None,
        "use_stripe_sdk": True,
    }
    ledger.confirmation_tokens[token["id"]] = token
    ledger.confirmed_methods[token["id"]] = method["id"]
    return token


def usable(ledger: Ledger, token_id: str) -> Json:
    """Return a token that was not used yet; each can be used once, until it expires."""
    token = ledger.get("ctoken", token_id, "confirmation_token")
    if token["payment_intent"] is not None:
        message = f"The ConfirmationToken {token_id} was already used to confirm a PaymentIntent."
        raise refused(message, param="confirmation_token")
    if token["expires_at"] <= ledger.now():
        message = f"The ConfirmationToken {token_id} has expired."
        raise refused(message, param="confirmation_token")
    return token


def method_of(ledger: Ledger, token: Json, intent: Json) -> Json:
    """Use a token for an intent; return its payment method."""
    token["payment_intent"] = intent["id"]
    return ledger.payment_methods[ledger.confirmed_methods[token["id"]]]
