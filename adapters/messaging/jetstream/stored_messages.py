"""Which messages a stream still stores."""

from collections.abc import Iterable
from typing import Final

import msgspec

from adapters.messaging.jetstream.api import ApiRefusal, ApiReply
from adapters.messaging.jetstream.connection import JetStreamConnection

_NO_MESSAGE: Final = 10037
"""JSNoMessageFoundErr (nats-server, server/errors.json)."""


class _Message(msgspec.Struct):
    seq: int


class _MessageReply(ApiReply):
    message: _Message | None = None


async def has_message(
    connection: JetStreamConnection, stream: str, subjects: Iterable[str], after: int, until: int
) -> bool:
    """Whether a message of these subjects is stored between these sequences."""
    for subject in subjects:
        body = {"seq": after + 1, "next_by_subj": subject}
        try:
            found = await connection.request(f"STREAM.MSG.GET.{stream}", _MessageReply, body)
        except ApiRefusal as refusal:
            if refusal.err_code != _NO_MESSAGE:
                raise
        else:
            if found.message is not None and found.message.seq <= until:
                return True
    return False
