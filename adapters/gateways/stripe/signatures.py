"""The signatures of Stripe's webhooks; https://docs.stripe.com/webhooks#verify-manually."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from application.ports.gateway_notifications import InvalidNotification, RefusedBecause

TOLERANCE_SECONDS: Final = 300
"""How old a notification may be, as in Stripe's libraries
(https://docs.stripe.com/webhooks#replay-attacks), and how far ahead of our clock, which they do
not check."""

# Seconds since 1970 have ten digits until the year 2286.
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}", re.ASCII)


def verify(body: bytes, signature: str, secrets: Sequence[str], now: datetime) -> None:
    """Check a signature and its time.

    Args:
        body: the signed bytes.
        signature: the header `Stripe-Signature`.
        secrets: the valid signing secrets; during a rotation, the old and the new one.
        now: the time of the database's clock, because that of this host may be wrong.

    Raises:
        InvalidNotification: it is wrong, or too old, or from the future.
    """
    pairs = [each.partition("=") for each in signature.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not _TIMESTAMP.fullmatch(times[0]):
        raise InvalidNotification("the signature has no timestamp", RefusedBecause.UNSIGNED)
    signatures = [value.encode(errors="replace") for name, _, value in pairs if name == "v1"]
    signed = f"{times[0]}.".encode() + body
    expected = [
        hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets
    ]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures):
        raise InvalidNotification(
            "the signature does not match any of our secrets", RefusedBecause.WRONG_SIGNATURE
        )
    age = now.timestamp() - int(times[0])
    if abs(age) > TOLERANCE_SECONDS:
        direction = "old" if age > 0 else "in the future"
        raise InvalidNotification(
            f"the notification is {abs(age):.0f} s {direction} by the database's clock",
            RefusedBecause.WRONG_TIME,
        )
