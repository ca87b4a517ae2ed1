"""The replies to published messages: each belongs to the message that it answers, and no other."""

import asyncio
import re
from collections.abc import Sequence

from adapters.messaging.jetstream.client import Arrival, Receive
from adapters.messaging.jetstream.replies import Command, NoReply, Replies, Reply

LONG = 10.0
SEQUENCES = {"a": 1, "b": 2, "c": 3, "d": 4}
"""Where the stream stores a message, by its subject."""


class Client:
    """A client whose server replies when a test says so."""

    def __init__(self) -> None:
        self.reply_to: dict[str, str] = {}
        """Where the reply to each subject is awaited."""

    def new_inbox(self) -> str:
        return "_INBOX.1"

    async def receive_directly(self, _subject: str, receive: Receive) -> None:
        self._receive = receive

    async def write(self, commands: bytes) -> None:
        self.reply_to |= dict(re.findall(r"HPUB (\S+) (\S+) ", commands.decode()))

    async def reply(self, subject: str) -> None:
        stored = b'{"stream": "PAYMENTS", "seq": %d}' % SEQUENCES[subject]
        self._receive(Arrival(self.reply_to[subject], "", stored, b""))
        await asyncio.sleep(0)


async def opened() -> tuple[Client, Replies]:
    client = Client()
    return client, await Replies.open(client)  # type: ignore[arg-type]


def commands(*subjects: str) -> list[Command]:
    return [Command(each, b"NATS/1.0\r\n\r\n", b"{}") for each in subjects]


def sequences(replies: Sequence[Reply]) -> list[int]:
    return [0 if isinstance(each, NoReply) else each.seq for each in replies]


async def test_a_late_reply_confirms_no_message_of_a_later_batch() -> None:
    client, replies = await opened()
    assert list(await replies.publish(commands("a"), 0.001)) == [NoReply.IN_TIME]
    later = asyncio.create_task(replies.publish(commands("b"), LONG))
    await asyncio.sleep(0)
    await client.reply("a")
    assert not later.done()
    await client.reply("b")
    assert sequences(await later) == [2]


async def test_batches_that_are_published_at_once_get_their_own_replies() -> None:
    client, replies = await opened()
    batches = [("a", "b"), ("c", "d")]
    one, other = [asyncio.create_task(replies.publish(commands(*each), LONG)) for each in batches]
    await asyncio.sleep(0)
    for subject in "dabc":
        await client.reply(subject)
    assert (sequences(await one), sequences(await other)) == ([1, 2], [3, 4])
