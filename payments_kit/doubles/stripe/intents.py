"""PaymentIntents and their life; https://docs.stripe.com/payments/paymentintents/lifecycle."""

from typing import Any, NoReturn

from attrs import evolve

from . import charges, methods
from .cards import AUTHENTICATION_REQUIRED, Card, Decline
from .currencies import check_amount, check_currency
from .errors import Json, StripeFailure, invalid, refused
from .ledger import Ledger

Params = dict[str, Any]
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_reauthorization",
    "requires_confirmation",
    "requires_action",
    "processing",
)
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
ONLY_WITH_CONFIRM = (
    "error_on_requires_action",
    "off_session",
    "return_url",
)


def create(ledger: Ledger, params: Params) -> Json:
    currency = check_currency(params["currency"])
    check_amount(params["amount"], currency)
    confirm_now = params.get("confirm", False)
    automatic = {"enabled": True, "allow_redirects": "always"}
    automatic |= params.get("automatic_payment_methods", {})
    if not confirm_now:
        for name in ONLY_WITH_CONFIRM:
            if name in params:
                message = f"You can only set `{name}` when `confirm` is also true."
                raise invalid(message, param=name)
    else:
        _check_return_url(automatic, params)
    intent = _blank(ledger, params, currency, automatic)
    method = _method(ledger, params)
    ledger.payment_intents[intent["id"]] = intent
    ledger.emit("payment_intent.created", intent)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    if confirm_now:
        _confirm(ledger, intent, params)
    return intent


def confirm(ledger: Ledger, intent_id: str, params: Params) -> Json:
    intent = ledger.get("pi", intent_id, "intent", status=404)
    status = intent["status"]
    if status not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        why = "it has already succeeded after being previously confirmed."
        if status != "succeeded":
            why = f"it has a status of {status}."
        _unexpected(ledger, intent, f"You cannot confirm this PaymentIntent because {why}")
    _check_return_url(intent["automatic_payment_methods"], params)
    if (method := _method(ledger, params)) is not None:
        intent["payment_method"] = method["id"]
    _confirm(ledger, intent, params)
    return intent


def cancel(ledger: Ledger, intent_id: str, params: Params) -> Json:
    intent = ledger.get("pi", intent_id, "intent", status=404)
    if intent["status"] not in CANCELABLE:
        _unexpected(
            ledger,
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(CANCELABLE)}.",
        )
    if intent["status"] == "requires_capture":
        charge = ledger.charges[intent["latest_charge"]]
        charge |= {"amount_refunded": charge["amount"], "refunded": True}
        ledger.emit("charge.refunded", charge)
    intent |= {
        "status": "canceled",
        "canceled_at": ledger.timestamp(),
        "cancellation_reason": params.get("cancellation_reason"),
        "amount_capturable": 0,
        "next_action": None,
    }
    ledger.emit("payment_intent.canceled", intent)
    return intent


def capture(ledger: Ledger, intent_id: str, params: Params) -> Json:
    intent = ledger.get("pi", intent_id, "intent", status=404)
    if intent["status"] != "requires_capture":
        _unexpected(
            ledger,
            intent,
            f"This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
        )
    take: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount"]
    charges.capture(ledger, intent["latest_charge"], {"amount": take})
    intent["metadata"] |= params.get("metadata", {})
    _succeeded(ledger, intent, take)
    return intent


def update(ledger: Ledger, intent_id: str, params: Params) -> Json:
    intent = ledger.get("pi", intent_id, "intent", status=404)
    intent["metadata"] |= params.pop("metadata", {})
    intent |= params
    return intent


def authenticate(ledger: Ledger, intent: Json, *, succeeded: bool) -> None:
    """The payer came back from the bank's page."""
    if intent["status"] != "requires_action":
        _unexpected(ledger, intent, "This PaymentIntent does not wait for authentication.")
    intent["next_action"] = None
    card = ledger.cards[intent["payment_method"]]
    if succeeded:
        _attempt(ledger, intent, card)
    else:
        _failed(ledger, intent, NOT_AUTHENTICATED)


def finish(ledger: Ledger, charge: Json, *, succeeded: bool) -> None:
    """A payment that stayed `processing` ends."""
    charges.settle(ledger, charge, "succeeded" if succeeded else "failed")
    if charge["payment_intent"] is None:
        return
    intent = ledger.payment_intents[charge["payment_intent"]]
    if succeeded:
        _succeeded(ledger, intent, charge["amount"])
    else:
        decline = Decline("card_declined", "Your card was declined.", "generic_decline")
        _failed(ledger, intent, decline, charge["id"])


def _check_return_url(automatic: Json, params: Params) -> None:
    if automatic["allow_redirects"] == "never" or "return_url" in params:
        return
    raise invalid(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
        "Because some of these payment methods might redirect your customer off of your page, you "
        "must provide a `return_url`. If you don't want to accept redirect-based payment methods, "
        "set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
        "Payment Intents.",
        param="return_url",
    )


def _method(ledger: Ledger, params: Params) -> Json | None:
    if "payment_method_data" in params:
        return methods.create(ledger, params["payment_method_data"])
    if "payment_method" in params:
        return methods.usable(ledger, params["payment_method"])
    return None


def _confirm(ledger: Ledger, intent: Json, params: Params) -> None:
    if intent["payment_method"] is None:
        raise refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    card = ledger.cards[intent["payment_method"]]
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
        intent |= {"status": "requires_action", "next_action": _next_action(ledger, intent, params)}
        ledger.emit("payment_intent.requires_action", intent)


def _next_action(ledger: Ledger, intent: Json, params: Params) -> Json:
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
        ledger.reports[intent["id"]] = _lies_about_intent(ledger.reports[charge["id"]])
    if charge["status"] == "failed":
        _failed(ledger, intent, card.decline, charge["id"])
    elif charge["status"] == "pending":
        intent["status"] = "processing"
        ledger.emit("payment_intent.processing", intent)
    elif manual:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        ledger.emit("payment_intent.amount_capturable_updated", intent)
    else:
        _succeeded(ledger, intent, intent["amount"])
    if charge["status"] != "failed":
        ledger.used.add(intent["payment_method"])
    return charge


def _lies_about_intent(lies: Json) -> Json:
    """What is said of a charge is said of its intent, which also states what it received."""
    if "amount" in lies:
        return {"amount_received": lies["amount"], **lies}
    return lies


def _succeeded(ledger: Ledger, intent: Json, amount: int) -> None:
    intent |= {
        "status": "succeeded",
        "amount_received": amount,
        "amount_capturable": 0,
        "last_payment_error": None,
    }
    ledger.emit("payment_intent.succeeded", intent)


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


def _unexpected(ledger: Ledger, intent: Json, message: str) -> NoReturn:
    raise refused(
        message,
        code="payment_intent_unexpected_state",
        payment_intent=dict(ledger.shown(intent)),
    )


def _blank(ledger: Ledger, params: Params, currency: str, automatic: Json) -> Json:
    intent_id = ledger.new_id("pi")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{ledger.new_id('x')[2:]}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": ledger.timestamp(),
        "currency": currency,
        "customer": None,
        "description": params.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": dict(params.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
