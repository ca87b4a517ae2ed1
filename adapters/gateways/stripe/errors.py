"""Translation of errors: what they mean for a request that may have moved money."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from attrs import field, frozen

from adapters.gateways.outward import ConnectionFault
from adapters.gateways.stripe.refusals import Error, Fault, code_of, fault_of, redacted
from adapters.gateways.stripe.wire import HttpReply
from application.ports.payment_gateway import GatewayUnavailable, KeyRefused, OutcomeUnknown

# https://docs.stripe.com/api/errors; after a type that we do not know, the outcome is unknown,
# unless the status alone proves that nothing was done.
_TYPES: Final = ("card_error", "invalid_request_error")


class KeyUnknown(KeyRefused):
    """Stripe does not accept our API key for anything (401)."""


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


def translated(error: Exception) -> GatewayUnavailable | OutcomeUnknown:
    """Translate an error without a reply: only a connection that never opened sent nothing."""
    match error:
        case ConnectionFault():
            return GatewayUnavailable(f"no connection to Stripe could be opened: {error}")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            # Raised before a connection (with TLS) is open: no byte of the request was sent.
            return GatewayUnavailable("no connection to Stripe could be opened")
        case TimeoutError():
            return OutcomeUnknown("Stripe did not reply in time")
        case aiohttp.ClientError() | OSError():
            return OutcomeUnknown(f"the connection to Stripe broke: {type(error).__name__}")
        case _:
            return OutcomeUnknown(f"no readable reply from Stripe: {type(error).__name__}")


def of_reply(reply: HttpReply) -> RequestRefused | GatewayUnavailable | OutcomeUnknown:
    """Translate a reply without a result; what is not understood for certain is OutcomeUnknown.

    After a 4xx nothing was done: "codes in the 4xx range indicate an error that failed given the
    information provided" (https://docs.stripe.com/api/errors). Rate limiting (429) happens before
    a request is executed or stored under its key
    (https://docs.stripe.com/error-low-level#content-errors). After a 5xx or a broken connection
    the result is unknown (https://docs.stripe.com/error-low-level#server-errors).
    """
    status, request_id = reply.status, reply.headers.get("Request-Id")
    told = Error(_error_object(reply.body), status, request_id)
    type_, code = told.text("type"), told.text("code")
    said = f"Stripe replied {status} ({request_id})"
    if status >= 500 and "Idempotent-Replayed" in reply.headers:
        return StoredError(said)
    if type_ == "idempotency_error" or code == "idempotency_key_in_use":
        return IdempotencyKeyInUse(said)
    if type_ and status in (401, 403):
        kind = KeyUnknown if status == 401 else KeyRefused
        return kind(f"{said}: it refuses our API key: {redacted(told.text('message'))}")
    if type_ and status == 429:
        return GatewayUnavailable(f"{said}: it is busy: {code_of(told.body)}")
    if type_ in _TYPES:
        if fault_of(told) is Fault.NOBODY and status < 500:
            return GatewayUnavailable(f"{said}: it is busy: {code_of(told.body)}")
        if status in (400, 402, 404):
            return RequestRefused(told)
    return OutcomeUnknown(f"{said}: {told.words}" if told.body else said)


def _error_object(body: object) -> Mapping[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
