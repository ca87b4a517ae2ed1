"""The texts and ids that are accepted from clients."""

import re
from typing import Final

from entrypoints.body_fields import PAYMENT_ID

MAX_CHARACTERS: Final = 255
"""The limit of an id, a token, a reason or an idempotency key; Stripe's ids have at most 255."""

MAX_SHOWN: Final = 40
"""Longer than any name of ours; errors repeat at most this many characters of another one."""

_PAYMENT_ID: Final = re.compile(PAYMENT_ID)


def is_text(value: object) -> bool:
    """Whether the value is text that the database and the gateway can store.

    It has 1 to MAX_CHARACTERS characters, no NUL and no unpaired surrogate.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CHARACTERS or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_payment_id(value: str) -> bool:
    """Whether the text has the form of a payment id; otherwise no payment can have it."""
    return _PAYMENT_ID.fullmatch(value) is not None


def shown(name: str) -> str:
    """Return the name of a field that a client made up, short enough for an error."""
    return name if len(name) <= MAX_SHOWN and is_text(name) else f"{name[:MAX_SHOWN]!a}…"
