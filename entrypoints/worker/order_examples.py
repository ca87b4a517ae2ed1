"""Examples of the events that we read, as bodies and as the reference service sends them."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from entrypoints.worker.order_events import (
    ORDER_CANCELLED,
    ORDER_CREATED,
    ORDER_SHIPPED,
    OrderCancelledBody,
    OrderCreatedBody,
    OrderShippedBody,
)

_ORDER: Final = {
    "id": "5f9b2c1d",
    "version": 0,
    "status": "created",
    "userId": "5f9a11c0",
    "expiresAt": "2026-11-22T12:15:00.000Z",
    "ticket": {"id": "5f9b1c77", "price": 19.99},
}
_EXACT: Final = {
    **_ORDER,
    "version": 1,
    "ticket": {"id": "5f9b1c77", "price": "19.99"},
    "currency": "eur",
    "capture": "manual",
}

ORDER_EVENTS: Final[Mapping[str, tuple[type[Struct], Sequence[bytes]]]] = {
    ORDER_CREATED: (OrderCreatedBody, [json.dumps(each).encode() for each in (_ORDER, _EXACT)]),
    ORDER_CANCELLED: (
        OrderCancelledBody,
        [b'{"id": "5f9b2c1d", "version": 2, "ticket": {"id": "5f9b1c77"}}'],
    ),
    ORDER_SHIPPED: (
        OrderShippedBody,
        [b'{"id": "5f9b2c1d", "version": 3}', b'{"id": "5f9b2c1d", "version": 4, "amount": 1500}'],
    ),
}
"""By the usual subject: the type of the body, and bodies."""
