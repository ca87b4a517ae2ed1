"""PaymentMethods and tokens.

https://docs.stripe.com/api/payment_methods and https://docs.stripe.com/api/tokens
"""

from typing import Any

from payments_kit.doubles.stripe.cards import NUMBERS, OTHER_METHODS, PAYMENT_METHODS, TOKENS, Card
from payments_kit.doubles.stripe.errors import Json, StripeFailure, invalid, missing_object, refused
from payments_kit.doubles.stripe.ledger import Ledger

Params = dict[str, Any]


def card_details(card: Card) -> Json:
    """Return the fields that describe a card."""
    return {
        "brand": card.brand,
        "country": "US",
        "cvc_check": None,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"double{card.last4}",
        "funding": card.funding,
        "last4": card.last4,
    }


def create(ledger: Ledger, params: Params) -> Json:
    """Create a payment method from a token or a card number."""
    if (other := OTHER_METHODS.get(params["type"])) is not None:
        return new_method(ledger, other, metadata=params.get("metadata", {}))
    card_params = params.get("card")
    if not card_params:
        raise invalid("Missing required param: card.", code="parameter_missing", param="card")
    if "token" in card_params:
        card = take_token(ledger, card_params["token"], "card[token]")
    else:
        card = _by_number(card_params)
    return new_method(ledger, card, metadata=params.get("metadata", {}))


def take_token(ledger: Ledger, token: str, param: str) -> Card:
    """Return a token's card; a token created by the API can be used once, a test token always."""
    if (card := TOKENS.get(token)) is not None:
        return card
    if token not in ledger.tokens:
        raise missing_object("token", token, param)
    if ledger.tokens[token]["used"]:
        message = f"You cannot use a Stripe token more than once: {token}."
        raise refused(message, code="token_already_used")
    ledger.tokens[token]["used"] = True
    return ledger.cards[token]


def new_method(ledger: Ledger, card: Card, *, metadata: dict[str, str] | None = None) -> Json:
    """Create a payment method for a card."""
    billing = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    method: Json = {
        "id": ledger.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing,
        "card": card_details(card)
        | {
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": None,
            },
            "display_brand": card.brand,
            "generated_from": None,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": ledger.timestamp(),
        "customer": None,
        "livemode": False,
        "metadata": dict(metadata or {}),
        "type": "card",
    }
    if card.method in OTHER_METHODS:
        del method["card"]
        method |= {"type": card.method, card.method: {}}
    ledger.payment_methods[method["id"]] = method
    ledger.cards[method["id"]] = card
    return method


def usable(ledger: Ledger, method_id: str) -> Json:
    """Return a payment method; a shared `pm_card_…` is copied to a new one, as at Stripe."""
    if (card := PAYMENT_METHODS.get(method_id)) is not None:
        return new_method(ledger, card)
    method = ledger.get("pm", method_id, "payment_method")
    if method_id in ledger.used:
        raise refused(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first."
        )
    return method


def read(ledger: Ledger, method_id: str) -> Json:
    """Return a payment method, as `GET /v1/payment_methods/{id}` does."""
    if method_id in PAYMENT_METHODS:
        return usable(ledger, method_id)
    if method_id not in ledger.payment_methods:
        raise missing_object("PaymentMethod", method_id, "payment_method", status=404)
    return ledger.payment_methods[method_id]


def create_token(ledger: Ledger, params: Params) -> Json:
    """Create a token from a card number."""
    card = _by_number(params["card"])
    token: Json = {
        # Unlike the names of test tokens, which are words.
        "id": ledger.new_id("tok").replace("_", "_1", 1),
        "object": "token",
        "card": {"id": ledger.new_id("card"), "object": "card"} | card_details(card),
        "client_ip": None,
        "created": ledger.timestamp(),
        "livemode": False,
        "type": "card",
        "used": False,
    }
    ledger.tokens[token["id"]] = token
    ledger.cards[token["id"]] = card
    return token


def _by_number(card: Params) -> Card:
    if (found := NUMBERS.get(card.get("number", ""))) is not None:
        return found
    raise StripeFailure(
        402,
        "card_error",
        "Your card number is incorrect.",
        code="incorrect_number",
        param="number",
    )
