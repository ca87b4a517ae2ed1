"""The bodies of the lists that operators read."""

import base64
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from application.ports.inbound_events import DeadLetter
from entrypoints.http.replies import timestamp

MAX_LISTED: Final = 200
"""The most items of one page; as many as the commands fetch at a time."""

LISTED: Final = 50
"""The items of a page if the request does not say how many."""


class DeadLetterBody(Struct):
    """An unusable event; `bytes` is its body in base64."""

    id: int
    subject: str
    reason: str
    at: str
    bytes: str


class DeadLetterPage(Struct):
    """Dead letters, oldest first; `next` is the cursor of the following page."""

    items: list[DeadLetterBody]
    next: str | UnsetType = UNSET


def dead_letter_body(letter: DeadLetter) -> DeadLetterBody:
    """Return the body for a dead letter."""
    return DeadLetterBody(
        letter.id,
        letter.subject,
        letter.reason,
        timestamp(letter.recorded_at),
        base64.b64encode(letter.data).decode(),
    )
