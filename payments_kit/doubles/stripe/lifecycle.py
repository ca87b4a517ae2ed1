"""The states of PaymentIntents; https://docs.stripe.com/payments/paymentintents/lifecycle."""

from typing import Any, NoReturn

from attrs import evolve

from payments_kit.doubles.stripe import charges
from payments_kit.doubles.stripe.cards import (
    AUTHENTICATION_REQUIRED,
    CURRENCIES,
    OTHER_METHODS,
    Card,
    Decline,
)
from payments_kit.doubles.stripe.errors import Json, StripeFailure, refused
from payments_kit.doubles.stripe.ledger import Ledger

Params = dict[str, Any]
VOUCHER_SECONDS = 3 * 24 * 3600
"""How long a voucher can be paid: the default for Boleto (https://docs.stripe.com/payments/boleto)."""

NOT_HANDLED = Decline(
    "authentication_required",
    "This payment required an authentication action to complete, but `error_on_requires_action` "
    "was set. When you're ready, you can upgrade your integration to handle actions at "
    "https://stripe.com/docs/payments/payment-intents/upgrade-to-handle-actions.",
    "authentication_not_handled",
)
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)


def confirm(ledger: Ledger, intent: Json, params: Params) -> None:
    """Charge an intent's payment method, or ask the customer to authenticate."""
    if intent["payment_method"] is None:
        raise refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    card = ledger.cards[intent["payment_method"]]
    if card.method in OTHER_METHODS:
        _check_method(intent, card)
    if card.authentication == "never":
        _attempt_or_raise(ledger, intent, card)
    elif params.get("off_session"):
        if card.authentication == "off_session_too":
            card = evolve(card, decline=AUTHENTICATION_REQUIRED)
        _attempt_or_raise(ledger, intent, card)
    elif params.get("error_on_requires_action"):
        _failed(ledger, intent, NOT_HANDLED)
        raise _payment_error(ledger, intent, NOT_HANDLED)
    else:
        action = _next_action(ledger, intent, card, params)
        intent |= {"status": "requires_action", "next_action": action}
        ledger.emit("payment_intent.requires_action", intent)


def authenticate(ledger: Ledger, intent: Json, *, succeeded: bool) -> None:
    """End the customer's authentication."""
    if intent["status"] != "requires_action":
        raise_unexpected(ledger, intent, "This PaymentIntent does not wait for authentication.")
    intent["next_action"] = None
    card = ledger.cards[intent["payment_method"]]
    if succeeded:
        _attempt(ledger, intent, card)
    else:
        _failed(ledger, intent, NOT_AUTHENTICATED)


def finish(ledger: Ledger, charge: Json, *, succeeded: bool) -> None:
    """Record the bank's decision about a charge that stayed pending."""
    charges.settle(ledger, charge, "succeeded" if succeeded else "failed")
    if charge["payment_intent"] is None:
        return
    intent = ledger.payment_intents[charge["payment_intent"]]
    if succeeded:
        succeed(ledger, intent, charge["amount"])
    else:
        decline = Decline("card_declined", "Your card was declined.", "generic_decline")
        _failed(ledger, intent, decline, charge["id"])


def succeed(ledger: Ledger, intent: Json, amount: int) -> None:
    """Record that the amount was captured."""
    intent |= {
        "status": "succeeded",
        "amount_received": amount,
        "amount_capturable": 0,
        "last_payment_error": None,
    }
    ledger.emit("payment_intent.succeeded", intent)


def raise_unexpected(ledger: Ledger, intent: Json, message: str) -> NoReturn:
    """Raise the error for a request that the intent's state forbids."""
    raise refused(
        message,
        code="payment_intent_unexpected_state",
        payment_intent=dict(ledger.shown(intent)),
    )


def _check_method(intent: Json, card: Card) -> None:
    """Check that an intent can be paid with a method that is not a card."""
    if intent["currency"] != CURRENCIES[card.method]:
        raise refused(
            f"The currency {intent['currency']} is invalid for the payment method {card.method}.",
            code="payment_method_currency_mismatch",
            param="payment_method",
        )
    redirects = intent["automatic_payment_methods"]["allow_redirects"] == "always"
    if intent["capture_method"] == "manual" or (card.method == "ideal" and not redirects):
        raise refused(
            f"The payment method type {card.method} is not compatible with this PaymentIntent.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )


def _next_action(ledger: Ledger, intent: Json, card: Card, params: Params) -> Json:
    if card.method == "boleto":
        voucher = f"https://payments.stripe.com/boleto/voucher/{ledger.new_id('test')}"
        details = {
            "expires_at": ledger.timestamp() + VOUCHER_SECONDS,
            "hosted_voucher_url": voucher,
            "number": "01010101010101010101010101010101010101010101010",
            "pdf": f"{voucher}/pdf",
        }
        return {"type": "boleto_display_details", "boleto_display_details": details}
    if card.method == "ideal":
        url = f"{ledger.address}/_double/bank/{intent['id']}"
        details = {"return_url": params["return_url"], "url": url}
        return {"type": "redirect_to_url", "redirect_to_url": details}
    if "return_url" in params and not params.get("use_stripe_sdk"):
        url = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent['id']}"
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": params["return_url"], "url": url},
        }
    details = {"type": "three_d_secure_redirect", "source": ledger.new_id("payatt")}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": details}


def _attempt_or_raise(ledger: Ledger, intent: Json, card: Card) -> None:
    charge = _attempt(ledger, intent, card)
    if charge["status"] == "failed":
        raise _payment_error(ledger, intent, card.decline, charge=charge["id"])


def _attempt(ledger: Ledger, intent: Json, card: Card) -> Json:
    manual = intent["capture_method"] == "manual"
    charge = charges.attempt(
        ledger,
        card,
        amount=intent["amount"],
        currency=intent["currency"],
        captured=not manual,
        metadata=intent["metadata"],
        description=intent["description"],
        payment_intent=intent["id"],
        payment_method=intent["payment_method"],
    )
    intent |= {"latest_charge": charge["id"], "next_action": None}
    if charge["id"] in ledger.reports:
        ledger.reports[intent["id"]] = _intent_report(ledger.reports[charge["id"]])
    if charge["status"] == "failed":
        _failed(ledger, intent, card.decline, charge["id"])
    elif charge["status"] == "pending":
        intent["status"] = "processing"
        ledger.emit("payment_intent.processing", intent)
    elif manual:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        ledger.emit("payment_intent.amount_capturable_updated", intent)
    else:
        succeed(ledger, intent, intent["amount"])
    if charge["status"] != "failed":
        ledger.used.add(intent["payment_method"])
    return charge


def _intent_report(report: Json) -> Json:
    """Return the wrong fields of an intent from those of its charge."""
    if "amount" in report:
        return {"amount_received": report["amount"], **report}
    return report


def _failed(
    ledger: Ledger, intent: Json, decline: Decline | None, charge: str | None = None
) -> None:
    method = ledger.payment_methods[intent["payment_method"]]
    error = charges.card_error(decline, charge=charge, payment_method=dict(method)).error
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
    }
    ledger.emit("payment_intent.payment_failed", intent)


def _payment_error(
    ledger: Ledger, intent: Json, decline: Decline | None, charge: str | None = None
) -> StripeFailure:
    return charges.card_error(
        decline,
        charge=charge,
        payment_intent=dict(ledger.shown(intent)),
        payment_method=intent["last_payment_error"]["payment_method"],
    )
