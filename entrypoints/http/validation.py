"""The texts and ids that are accepted from clients."""

import re
from typing import Final

MAX_CHARACTERS: Final = 255
"""The limit of an id, a token, a reason or an idempotency key; Stripe's ids have at most 255."""

_PAYMENT_ID: Final = re.compile("[A-Za-z0-9_-]{1,36}")


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
