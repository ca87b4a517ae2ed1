"""Translation of the SDK's errors: what they mean for a request that may have moved money."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import stripe
from attrs import field, frozen

from adapters.gateways.outward import ConnectionFault
from adapters.gateways.stripe.refusals import Error, Fault, code_of, fault_of, redacted
from application.ports.payment_gateway import GatewayUnavailable, KeyRefused, OutcomeUnknown

# Raised by aiohttp before a connection (with TLS) is open: no byte of the request was sent.
_NEVER_OPENED: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# https://docs.stripe.com/api/errors; after a type that we do not know, the outcome is unknown,
# unless the status alone proves that nothing was done.
_TYPES: Final = ("card_error", "invalid_request_error")


@frozen
class RequestRefused(Exception):
    """Stripe refused the request: nothing was done, and nothing will be."""

    error: Error = field(repr=False)
    """Stripe's error. Its message must not be logged: it may quote a card token."""

    @property
    def code(self) -> str:
        """The most specific code."""
        return code_of(self.error.body)

    def __str__(self) -> str:
        return f"Stripe refused: {self.code}: {self.error.words}"


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
        if isinstance(error.__cause__, ConnectionFault):
            return GatewayUnavailable(f"no connection to Stripe could be opened: {error.__cause__}")
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
    told = Error(_error_object(error.json_body), error.http_status, error.request_id)
    status, type_, code = told.status, told.text("type"), told.text("code")
    reply = f"Stripe replied {status} ({told.request_id})"
    if status is not None and status >= 500 and "Idempotent-Replayed" in (error.headers or {}):
        return StoredError(reply)
    if type_ == "idempotency_error" or code == "idempotency_key_in_use":
        return IdempotencyKeyInUse(reply)
    if type_ and status in (401, 403):
        return KeyRefused(f"{reply}: it refuses our API key: {redacted(told.text('message'))}")
    if type_ and status == 429:
        return GatewayUnavailable(f"{reply}: it is busy: {code_of(told.body)}")
    if type_ in _TYPES:
        if fault_of(told) is Fault.NOBODY and status is not None and status < 500:
            return GatewayUnavailable(f"{reply}: it is busy: {code_of(told.body)}")
        if status in (400, 402, 404):
            return RequestRefused(told)
    return OutcomeUnknown(f"{reply}: {told.words}" if told.body else reply)


def _error_object(body: object) -> Mapping[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
