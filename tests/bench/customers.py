"""The requests of customers, as bytes on the wire."""

import json
from functools import cache
from typing import Final

from tests.entrypoints.http.world import a_token, in_session
from tests.system.deployment import JWT_KEY

# A page of a shop sends about so many requests with one token: what can be paid, the payment, and
# its state. A service that caches verified tokens verifies every third of them.
REQUESTS_PER_TOKEN: Final = 3


def payer_of(number: int) -> str:
    """Return the user who pays the order with this number."""
    return f"payer-{number // REQUESTS_PER_TOKEN}"


@cache
def cookie(user: str) -> str:
    """Return the session cookie of a user who is signed in."""
    return f"session={in_session(a_token(user, JWT_KEY))}"


def charge(number: int, order_id: str, token: str, *, key: bool = False) -> str:
    """Return the request that pays an order."""
    body = json.dumps({"token": token, "orderId": order_id})
    idempotency = f"Idempotency-Key: key-{order_id}\r\n" if key else ""
    return (
        "POST /api/payments HTTP/1.1\r\n"
        "Host: shop.example\r\n"
        "Content-Type: application/json\r\n"
        f"Cookie: {cookie(payer_of(number))}\r\n"
        f"{idempotency}"
        f"Content-Length: {len(body)}\r\n"
        "\r\n"
        f"{body}"
    )


def get(path: str, user: str) -> str:
    """Return the request that reads something of this user."""
    return f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nCookie: {cookie(user)}\r\n\r\n"
