"""Replays of dead letters: how they are published, and how they are recognized."""

from collections.abc import Mapping
from typing import Final

from adapters.messaging.wire import ID_HEADER
from application.ports.inbound_events import DeadLetter

_PREFIX: Final = "replay:"


def replay_headers(letter: DeadLetter) -> dict[str, str]:
    """Return the headers for publishing a dead letter again.

    The message id is always the same, so that a stream stores a repeated replay once within its
    duplicate window. The id includes the time at which the dead letter was recorded, because a new
    stream numbers its messages from 1 again. Other `Nats-…` headers are left out: they instruct
    the stream (which sequence to expect, what to delete) and apply to the first publish only.
    """
    kept = {
        name: value
        for name, value in letter.headers.items()
        if not name.lower().startswith("nats-")
    }
    return {**kept, ID_HEADER: f"{_PREFIX}{letter.id}:{letter.recorded_at.isoformat()}"}


def is_replay_of(letter: DeadLetter, subject: str, data: bytes, headers: Mapping[str, str]) -> bool:
    """Whether an event is a replay of this dead letter, so that no second one is needed."""
    return (
        headers.get(ID_HEADER) == replay_headers(letter)[ID_HEADER]
        and letter.subject == subject
        and letter.data == data
    )


def replayed_letter(headers: Mapping[str, str]) -> int | None:
    """Return the id of the dead letter that an event claims to replay; None if it claims none."""
    message_id = headers.get(ID_HEADER, "")
    number = message_id.removeprefix(_PREFIX).partition(":")[0]
    # Sequences have 64 bits, so at most 19 digits; anything longer is not one of our ids.
    is_number = number.isascii() and number.isdigit() and len(number) < 20
    return int(number) if message_id.startswith(_PREFIX) and is_number else None
