"""The results of requests, and their encoding; https://developer.paypal.com/api/rest/responses/."""

import json
from collections.abc import Callable

from attrs import evolve, frozen

from payments_kit.doubles.faults import Fault
from payments_kit.doubles.paypal import views
from payments_kit.doubles.paypal.errors import Json, PayPalFailure, by_status, failed
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.replies import Operation, Reply

_DEBUG_ID = "{debug_id}"


@frozen
class Request:
    """A request after its checks; `full` is whether it prefers a representation."""

    body: Json
    query: dict[str, str]
    object_id: str = ""
    full: bool = False
    key: str | None = None


@frozen
class Result:
    """What a request has done; a repeated request shows its latest state."""

    show: Callable[[], Json | None]
    status: int = 200
    repeated_status: int = 200

    def reply(self, *, repeated: bool = False) -> Reply:
        """Return the reply to the first or a repeated request."""
        status = self.repeated_status if repeated else self.status
        shown = self.show()
        return Reply(status, b"" if shown is None else json.dumps(shown).encode())


def created(
    view: Callable[[Ledger, Json], Json], ledger: Ledger, it: Json, request: Request, repeated: int
) -> Result:
    """Return the result of a request that has created an object."""

    def show() -> Json:
        full = view(ledger, it)
        return full if request.full else views.minimal(full)

    return Result(show, 201, repeated)


def failure(error: PayPalFailure) -> Reply:
    """Return the reply to a request that failed; `identified` fills in its debug_id."""
    body = error.body
    if "name" in body:
        links = body.get("links", [])
        body = body | {"debug_id": _DEBUG_ID, "links": links}
    return Reply(error.status, json.dumps(body).encode(), stored=False)


def error_of(fault: Fault) -> Reply:
    """Return the error reply of a fault; its `error` names an issue or other fields."""
    fields = dict(fault.error or {})
    if "issue" in fields:
        return failure(failed(fields["issue"]))
    error = by_status(fault.status)
    return failure(PayPalFailure(error.status, error.body | fields))


def identified(reply: Reply, debug_id: str) -> Reply:
    """Return a reply with the id of its request in its body and headers."""
    body = reply.body.replace(_DEBUG_ID.encode(), debug_id.encode())
    headers = {"Paypal-Debug-Id": debug_id, **reply.headers}
    return evolve(reply, body=body, headers=headers)


def with_failures(operation: Operation) -> Operation:
    """Convert the PayPalFailure that an operation raises to a reply."""

    async def reply() -> Reply:
        try:
            return await operation()
        except PayPalFailure as error:
            return failure(error)

    return reply
