"""Replies ready to be sent, and their encoding; https://docs.stripe.com/api/errors."""

import json
from collections.abc import Awaitable, Callable

from attrs import field, frozen

from payments_kit.doubles.stripe.errors import Json, StripeFailure


@frozen
class Reply:
    """A status and a JSON body; `stored` replies are kept under the idempotency key."""

    status: int
    body: bytes
    headers: dict[str, str] = field(factory=dict)
    stored: bool = True


Operation = Callable[[], Awaitable[Reply]]
"""Executes a request."""


def success(body: Json) -> Reply:
    """Return the reply to a request that succeeded."""
    return Reply(200, json.dumps(body, indent=2).encode())


def failure(error: StripeFailure) -> Reply:
    """Return the reply to a request that failed."""
    headers = {"Stripe-Should-Retry": "true"} if error.status == 409 else {}
    return Reply(error.status, json.dumps(error.body, indent=2).encode(), headers, error.stored)


def with_failures(operation: Operation) -> Operation:
    """Convert the StripeFailure that an operation raises to a reply."""

    async def reply() -> Reply:
        try:
            return await operation()
        except StripeFailure as error:
            return failure(error)

    return reply
