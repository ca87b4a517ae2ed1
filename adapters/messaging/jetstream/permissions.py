"""What our NATS user may publish to, as far as the server tells (nats-server 2.10 and later)."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from nats.errors import Error

from adapters.messaging.jetstream.connection import REQUEST_SECONDS, JetStreamConnection
from adapters.messaging.jetstream.namespace import any_covers, covers
from adapters.messaging.jetstream.plans import PAYMENTS
from application.ports.event_publisher import BrokerUnavailable

USER_INFO: Final = "$SYS.REQ.USER.INFO"
"""Returns the user's own permissions, if they include this subject."""


class _Subjects(msgspec.Struct):
    allow: list[str] = []
    deny: list[str] = []


class _Permissions(msgspec.Struct):
    publish: _Subjects = msgspec.field(default_factory=_Subjects)


class _User(msgspec.Struct):
    permissions: _Permissions = msgspec.field(default_factory=_Permissions)


class _Reply(msgspec.Struct):
    data: _User = msgspec.field(default_factory=_User)


async def missing_permissions(connection: JetStreamConnection, needed: Iterable[str]) -> list[str]:
    """Return which of these subjects we may not publish to; empty if nobody tells."""
    client = await connection.client()
    try:
        reply = await connection.denials.watch(
            [USER_INFO], client.request(USER_INFO, b"", timeout=REQUEST_SECONDS)
        )
        permissions = msgspec.json.decode(reply.data, type=_Reply).data.permissions.publish
    except (BrokerUnavailable, OSError, TimeoutError, msgspec.MsgspecError, Error):
        return []
    return [each for each in needed if not _permits(permissions, each)]


def needed_permissions(
    connection: JetStreamConnection, stream: str, consumer: str
) -> Iterator[str]:
    """Yield the subjects that we need to publish to.

    `stream` has the order events, and `consumer` reads it.
    """
    subject, api = connection.namespace.subject, connection.namespace.api
    yield from (subject(each) for each in PAYMENTS.subjects)
    yield subject("payments.dead-letters.>")
    yield f"$JS.ACK.{stream}.{consumer}.>"
    for action in ("INFO", "CREATE", "DELETE", "MSG.NEXT"):
        yield f"{api}.CONSUMER.{action}.{stream}.{consumer}"
    yield f"{api}.STREAM.INFO.{stream}"
    yield f"{api}.STREAM.MSG.GET.{stream}"


def _permits(permissions: _Subjects, subject: str) -> bool:
    is_allowed = not permissions.allow or any_covers(permissions.allow, subject)
    return is_allowed and not any(
        covers(denied, subject) or covers(subject, denied) for denied in permissions.deny
    )
