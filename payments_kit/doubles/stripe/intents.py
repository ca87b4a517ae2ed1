"""The PaymentIntents API; https://docs.stripe.com/api/payment_intents."""

from typing import Any

from payments_kit.doubles.stripe import captures, charges, confirmations, lifecycle, methods
from payments_kit.doubles.stripe.currencies import check_amount, check_currency
from payments_kit.doubles.stripe.errors import Json, invalid
from payments_kit.doubles.stripe.ledger import Ledger

Params = dict[str, Any]
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_reauthorization",
    "requires_confirmation",
    "requires_action",
    "processing",
)
ONLY_WITH_CONFIRM = (
    "error_on_requires_action",
    "off_session",
    "return_url",
)


def create(ledger: Ledger, params: Params) -> Json:
    """Create an intent, and confirm it if requested."""
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
    token = _confirmation_token(ledger, params)
    if not confirm_now and token is not None:
        message = "You can only set `confirmation_token` when `confirm` is also true."
        raise invalid(message, param="confirmation_token")
    intent = _new_intent(ledger, params, currency, automatic)
    method = confirmations.method_of(ledger, token, intent) if token else _method(ledger, params)
    ledger.payment_intents[intent["id"]] = intent
    ledger.emit("payment_intent.created", intent)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    if confirm_now:
        lifecycle.confirm(ledger, intent, params)
    return intent


def confirm(ledger: Ledger, intent_id: str, params: Params) -> Json:
    """Confirm an intent: charge its payment method."""
    intent = ledger.get("pi", intent_id, "intent", status=404)
    status = intent["status"]
    if status not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        why = "it has already succeeded after being previously confirmed."
        if status != "succeeded":
            why = f"it has a status of {status}."
        lifecycle.raise_unexpected(
            ledger, intent, f"You cannot confirm this PaymentIntent because {why}"
        )
    _check_return_url(intent["automatic_payment_methods"], params)
    if (token := _confirmation_token(ledger, params)) is not None:
        intent["payment_method"] = confirmations.method_of(ledger, token, intent)["id"]
    elif (method := _method(ledger, params)) is not None:
        intent["payment_method"] = method["id"]
    lifecycle.confirm(ledger, intent, params)
    return intent


def cancel(ledger: Ledger, intent_id: str, params: Params) -> Json:
    """Cancel an intent."""
    intent = ledger.get("pi", intent_id, "intent", status=404)
    if intent["status"] not in CANCELABLE or _is_submitted(ledger, intent):
        lifecycle.raise_unexpected(
            ledger,
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(CANCELABLE)}.",
        )
    if intent["status"] == "processing":
        charges.settle(ledger, ledger.charges[intent["latest_charge"]], "failed")
    # A charge that is only authorized does not change: the API has no refund of it.
    _end(ledger, intent, params.get("cancellation_reason"))
    return intent


def expire(ledger: Ledger, intent: Json) -> None:
    """Let what an intent has authorized run out."""
    captures.expire(ledger, ledger.get("ch", intent["latest_charge"] or "", "charge"))
    _end(ledger, intent, "expired")


def _end(ledger: Ledger, intent: Json, reason: str | None) -> None:
    intent |= {
        "status": "canceled",
        "canceled_at": ledger.timestamp(),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    ledger.emit("payment_intent.canceled", intent)


def _is_submitted(ledger: Ledger, intent: Json) -> bool:
    """Whether the bank has the debit already: only "in rare cases" can it still be cancelled."""
    if intent["status"] != "processing":
        return False
    return not ledger.cards[intent["latest_charge"]].can_be_cancelled


def capture(ledger: Ledger, intent_id: str, params: Params) -> Json:
    """Capture an authorized intent, or a part of it."""
    intent = ledger.get("pi", intent_id, "intent", status=404)
    if intent["status"] != "requires_capture":
        lifecycle.raise_unexpected(
            ledger,
            intent,
            f"This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
        )
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount"]
    captures.capture(ledger, intent["latest_charge"], {"amount": amount})
    intent["metadata"] |= params.get("metadata", {})
    lifecycle.succeed(ledger, intent, amount)
    return intent


def update(ledger: Ledger, intent_id: str, params: Params) -> Json:
    """Change an intent's metadata and description."""
    intent = ledger.get("pi", intent_id, "intent", status=404)
    intent["metadata"] |= params.pop("metadata", {})
    intent |= params
    return intent


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


def _confirmation_token(ledger: Ledger, params: Params) -> Json | None:
    """Return the token that an intent is to be confirmed with."""
    if "confirmation_token" not in params:
        return None
    if given := {"payment_method", "payment_method_data"} & set(params):
        message = f"You may only specify one of these parameters: confirmation_token, {given.pop()}"
        raise invalid(message, code="parameters_exclusive", param="confirmation_token")
    return confirmations.usable(ledger, params["confirmation_token"])


def _method(ledger: Ledger, params: Params) -> Json | None:
    if "payment_method_data" in params:
        return methods.create(ledger, params["payment_method_data"])
    if "payment_method" in params:
        return methods.usable(ledger, params["payment_method"])
    return None


def _new_intent(ledger: Ledger, params: Params, currency: str, automatic: Json) -> Json:
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
