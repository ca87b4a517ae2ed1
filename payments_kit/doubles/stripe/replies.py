"""The encoding of Stripe's replies; https://docs.stripe.com/api/errors."""

import json

from payments_kit.doubles.faults import Fault
from payments_kit.doubles.replies import Operation, Reply
from payments_kit.doubles.stripe.errors import Json, StripeFailure, by_status


def success(body: Json) -> Reply:
    """Return the reply to a request that succeeded."""
    return Reply(200, json.dumps(body, indent=2).encode())


def failure(error: StripeFailure) -> Reply:
    """Return the reply to a request that failed."""
    headers = {"Stripe-Should-Retry": "true"} if error.status == 409 else {}
    return Reply(error.status, json.dumps(error.body, indent=2).encode(), headers, error.stored)


def error_of(fault: Fault) -> Reply:
    """Return the error reply of a fault."""
    return failure(by_status(fault.status, fault.error))


def with_failures(operation: Operation) -> Operation:
    """Convert the StripeFailure that an operation raises to a reply."""

    async def reply() -> Reply:
        try:
            return await operation()
        except StripeFailure as error:
            return failure(error)

    return reply
