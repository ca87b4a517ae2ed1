"""Translation of the SDK's errors: what they mean for a request that may have moved money."""

import re
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import stripe
from attrs import field, frozen

from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown

# Raised by aiohttp before a connection (with TLS) is open: no byte of the request was sent.
_NEVER_OPENED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# Codes are identifiers (https://docs.stripe.com/error-codes); any other text is dropped.
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@frozen
class RequestRefused(Exception):
    """Stripe refused the request: nothing was done, and nothing will be."""

    code: str
    error: Mapping[str, Any] = field(repr=False)
    """Stripe's error object. It must not be logged: its message may quote a card token."""

    def __str__(self) -> str:
        return f"Stripe refused: {self.code}"


class IdempotencyKeyInUse(OutcomeUnknown):
    """The idempotency key was used for a different request, or its request is in progress."""


class StoredError(OutcomeUnknown):
    """The first reply to this key was a 5xx, which Stripe repeats for every retry."""


def translated(error: Exception) -> RequestRefused | GatewayUnavailable | OutcomeUnknown:
    """Translate an error; anything that is not understood with certainty is OutcomeUnknown.

    After a 4xx nothing was done: "codes in the 4xx range indicate an error that failed given the
    information provided" (https://docs.stripe.com/api/errors). Rate limiting (429) happens before
    a request is executed or stored under its key
    (https://docs.stripe.com/error-low-level#content-errors). After a 5xx or a broken connection
    the result is unknown (https://docs.stripe.com/error-low-level#server-errors).
    """
    if isinstance(error, stripe.APIConnectionError):
        if isinstance(error.__cause__, _NEVER_OPENED):
            return GatewayUnavailable("no connection to Stripe could be opened")
        return OutcomeUnknown(f"the connection to Stripe broke: {type(error.__cause__).__name__}")
    if isinstance(error, TimeoutError):
        return OutcomeUnknown("Stripe did not reply in time")
    if not isinstance(error, stripe.StripeError):
        return OutcomeUnknown(f"no readable reply from Stripe: {type(error).__name__}")
    return _of_reply(error)


def _of_reply(
    error: stripe.StripeError,
) -> RequestRefused | GatewayUnavailable | OutcomeUnknown:
    status, body = error.http_status, _error_object(error.json_body)
    reply = f"Stripe replied {status} ({error.request_id})"
    if status is not None and status >= 500 and "Idempotent-Replayed" in (error.headers or {}):
        return StoredError(reply)
    type_, code = body.get("type"), body.get("code")
    if type_ == "idempotency_error" or code == "idempotency_key_in_use":
        return IdempotencyKeyInUse(reply)
    if type_ in ("card_error", "invalid_request_error"):
        if status in (401, 403):
            return GatewayUnavailable(f"{reply}: it refuses our API key")
        if status == 429 or code == "rate_limit":
            return GatewayUnavailable(f"{reply}: too many requests")
        if status in (400, 402, 404):
            return RequestRefused(code_of(body), body)
    return OutcomeUnknown(reply)


def code_of(error: Mapping[str, Any]) -> str:
    """Return the most specific code: the bank's, else Stripe's, else `invalid_<parameter>`."""
    for code in (error.get("decline_code"), error.get("code")):
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
    param = error.get("param")
    if isinstance(param, str) and _CODE.fullmatch(param):
        return f"invalid_{param}"
    return "invalid_request"


def _error_object(body: object) -> Mapping[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
