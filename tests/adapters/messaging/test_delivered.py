"""What the reply subject of a message says about its delivery."""

import pytest

from adapters.messaging.jetstream.client import Arrival, SecureClient
from adapters.messaging.jetstream.delivered import Delivered
from adapters.messaging.jetstream.security import Security
from adapters.messaging.jetstream.servers import Servers

NUMBERS = "3.7.5.1764147600000000000.0"


def parse(reply: str) -> Delivered | None:
    client = SecureClient(Servers((), is_tls=False, is_websocket=False), Security())
    return Delivered.parse(client, Arrival("order:created", reply, b"{}", b""))


@pytest.mark.parametrize(
    "reply",
    [
        f"$JS.ACK.ORDERS.payments.{NUMBERS}",
        f"$JS.ACK.domain.account.ORDERS.payments.{NUMBERS}",
        f"$JS.ACK.domain.account.ORDERS.payments.{NUMBERS}.token",
    ],
)
def test_a_delivery_is_read_from_its_reply_subject(reply: str) -> None:
    delivered = parse(reply)
    assert delivered is not None
    assert (delivered.stream, delivered.consumer) == ("ORDERS", "payments")
    assert (delivered.deliveries, delivered.sequence) == (3, 7)
    assert delivered.stored_at.year == 2025


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "_INBOX.x",
        "$JS.ACK.ORDERS.payments.x.7.5.1764147600000000000.0",
        "$JS.ACK.ORDERS.payments.3.-7.5.1764147600000000000.0",
        "$JS.ACK.ORDERS.payments.3.7.5.17641476000000000000.0",
        "$JS.ACK.ORDERS.payments.3.7.5..0",
    ],
)
def test_a_message_with_another_reply_subject_is_no_delivery(reply: str) -> None:
    """Anybody who may publish to our inbox can send one; it must not end the connection."""
    assert parse(reply) is None
