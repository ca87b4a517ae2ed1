"""How a dead letter is sent again, and how it is known when it comes back."""

from collections.abc import Mapping
from typing import Final

from adapters.messaging.wire import ID_HEADER
from application.ports.inbound_events import DeadLetter

_PREFIX: Final = "replay:"


def replay_headers(letter: DeadLetter) -> dict[str, str]:
    """The headers of a letter that is sent again.

    The id is always the same, so that a stream stores a repeated replay once, for as long as it
    remembers ids. The burial is part of it, as letters of a new stream are numbered from one again.
    Other `Nats-…` headers were instructions to the stream (which sequence to expect, what to
    delete) and do not hold any more.
    """
    kept = {
        name: value
        for name, value in letter.headers.items()
        if not name.lower().startswith("nats-")
    }
    return {**kept, ID_HEADER: f"{_PREFIX}{letter.id}:{letter.recorded_at.isoformat()}"}


def is_replay_of(letter: DeadLetter, subject: str, data: bytes, headers: Mapping[str, str]) -> bool:
    """Whether an event is a replay of this letter; if it fails again, the letter is there already."""
    return (
        headers.get(ID_HEADER) == replay_headers(letter)[ID_HEADER]
        and letter.subject == subject
        and letter.data == data
    )


def replayed_letter(headers: Mapping[str, str]) -> int | None:
    """The id of the letter that an event says it is a replay of."""
    said = headers.get(ID_HEADER, "")
    number = said.removeprefix(_PREFIX).partition(":")[0]
    # Sequences are 64 bits wide, so 19 digits; anything longer is not ours.
    plain = said.startswith(_PREFIX) and number.isascii() and number.isdigit() and len(number) < 20
    return int(number) if plain else None
