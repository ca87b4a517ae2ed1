"""Translation of errors: what they mean for a request that may have moved money."""

from typing import Final

import aiohttp
from attrs import field, frozen

from adapters.gateways.outward import ConnectionFault
from adapters.gateways.paypal.refusals import Error
from adapters.gateways.paypal.wire import HttpReply
from application.ports.payment_gateway import GatewayUnavailable, KeyRefused, OutcomeUnknown

# Replies of PayPal after which nothing was done, and nothing will be
# (https://developer.paypal.com/api/rest/responses/#http-status-codes).
_REFUSALS: Final = (400, 404, 422)


@frozen
class RequestRefused(Exception):
    """PayPal refused the request: nothing was done, and nothing will be."""

    error: Error = field(repr=False)

    def __str__(self) -> str:
        return f"PayPal refused: {self.error.code}: {self.error.words}"


class AccessRefused(KeyRefused):
    """PayPal refuses our credentials, or what they may do."""

    is_about_the_order = False
    """Whether it refuses access to one object only, which may be another account's."""


def translated(error: Exception) -> GatewayUnavailable | OutcomeUnknown:
    """Translate an error without a reply: only a connection that never opened sent nothing."""
    match error:
        case ConnectionFault():
            return GatewayUnavailable(f"no connection to PayPal could be opened: {error}")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            # Raised before a connection (with TLS) is open: no byte of the request was sent.
            return GatewayUnavailable("no connection to PayPal could be opened")
        case TimeoutError():
            return OutcomeUnknown("PayPal did not reply in time")
        case aiohttp.ClientError() | OSError():
            return OutcomeUnknown(f"the connection to PayPal broke: {type(error).__name__}")
        case _:
            return OutcomeUnknown(f"no readable reply from PayPal: {type(error).__name__}")


def of_reply(reply: HttpReply) -> RequestRefused | GatewayUnavailable | OutcomeUnknown:
    """Translate a reply without a result; what is not understood for certain is OutcomeUnknown.

    A request that is sent again while the first one is executed gets 409; after a 5xx the result is
    unknown (https://developer.paypal.com/api/rest/reference/idempotency/).
    """
    status = reply.status
    error = error_of(reply)
    said = f"PayPal replied {status} ({error.debug_id or 'no debug id'})"
    if not error.is_known:
        return OutcomeUnknown(said)
    words = f"{said}: {error.code}: {error.words}"
    if status in (401, 403):
        refused = AccessRefused(f"{words}; PayPal refuses our credentials, or what they may do")
        refused.is_about_the_order = status == 403 and error.issue == "PERMISSION_DENIED"
        return refused
    if status == 429:
        return GatewayUnavailable(words)
    return RequestRefused(error) if status in _REFUSALS else OutcomeUnknown(words)


def error_of(reply: HttpReply) -> Error:
    """Return the error of a reply."""
    body = reply.body if isinstance(reply.body, dict) else {}
    debug_id = reply.headers.get("Paypal-Debug-Id")
    return Error(body, reply.status, debug_id if debug_id is None else debug_id[:64])
