"""What the errors of Stripe's SDK mean for a request that may have moved money."""

import re
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import stripe
from attrs import field, frozen

from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown

# Raised by aiohttp before a connection, TLS included, stands: no byte of the request was sent.
_NEVER_OPENED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# Codes are names (https://docs.stripe.com/error-codes); anything else is not let through.
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@frozen
class Refused(Exception):
    """Stripe looked at the request and said no: nothing was done, and nothing will be."""

    code: str
    about: Mapping[str, Any] = field(repr=False)
    """The error as Stripe wrote it, not for logs: messages quote card tokens."""

    def __str__(self) -> str:
        return f"Stripe refused: {self.code}"


class IdempotencyKeyReused(OutcomeUnknown):
    """Another request is known, or under way, under this idempotency key."""


class StoredError(OutcomeUnknown):
    """The first answer under this key was a 5xx, and Stripe will give no other one."""


def translated(error: Exception) -> Refused | GatewayUnavailable | OutcomeUnknown:
    """Say what an error leaves us knowing; whatever is not surely understood is unknown.

    That a 4xx means that nothing was done is Stripe's word: "codes in the 4xx range indicate an
    error that failed given the information provided" (https://docs.stripe.com/api/errors), and
    rate limiting (429) happens before a request is executed or remembered under its key
    (https://docs.stripe.com/error-low-level#content-errors). A 5xx and a broken connection mean
    that the result is unknown (https://docs.stripe.com/error-low-level#server-errors).
    """
    if isinstance(error, stripe.APIConnectionError):
        if isinstance(error.__cause__, _NEVER_OPENED):
            return GatewayUnavailable("no connection to Stripe could be opened")
        return OutcomeUnknown(f"the connection to Stripe broke: {type(error.__cause__).__name__}")
    if isinstance(error, TimeoutError):
        return OutcomeUnknown("Stripe did not answer in time")
    if not isinstance(error, stripe.StripeError):
        return OutcomeUnknown(f"no readable answer from Stripe: {type(error).__name__}")
    return _answered(error)


def _answered(error: stripe.StripeError) -> Refused | GatewayUnavailable | OutcomeUnknown:
    status, about = error.http_status, _about(error.json_body)
    said = f"Stripe answered {status} ({error.request_id})"
    if status is not None and status >= 500 and "Idempotent-Replayed" in (error.headers or {}):
        return StoredError(said)
    kind, code = about.get("type"), about.get("code")
    if kind == "idempotency_error" or code == "idempotency_key_in_use":
        return IdempotencyKeyReused(said)
    if kind in ("card_error", "invalid_request_error"):
        if status in (401, 403):
            return GatewayUnavailable(f"{said}: it refuses our key")
        if status == 429 or code == "rate_limit":
            return GatewayUnavailable(f"{said}: too many requests")
        if status in (400, 402, 404):
            return Refused(code_of(about), about)
    return OutcomeUnknown(said)


def code_of(about: Mapping[str, Any]) -> str:
    """The most telling code of an error: the bank's, else Stripe's, else the parameter's name."""
    for code in (about.get("decline_code"), about.get("code")):
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
    param = about.get("param")
    if isinstance(param, str) and _CODE.fullmatch(param):
        return f"invalid_{param}"
    return "invalid_request"


def _about(body: object) -> Mapping[str, Any]:
    about = body.get("error") if isinstance(body, dict) else None
    return about if isinstance(about, dict) else {}
