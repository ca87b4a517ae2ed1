"""Idempotency keys at a simulated gateway: a key's first reply is repeated for 24 hours."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from application.ports.payment_gateway import OutcomeUnknown

# https://docs.stripe.com/api/idempotent_requests: "keys can be removed … after 24 hours".
KEY_LIFETIME: Final = timedelta(hours=24)


@frozen
class KeyedReply:
    """The first reply to a key: a reference, a rejection code, or (with neither) a 500."""

    key: str
    fingerprint: str
    at: datetime
    reference: str | None = None
    state: str | None = None
    """The state of the referenced object at the time of the reply."""
    code: str | None = None

    @property
    def is_server_error(self) -> bool:
        """Whether the reply is a 500; it is repeated as well."""
        return self.reference is None and self.code is None


Replies = tuple[KeyedReply, ...]


def first_reply(replies: Replies, key: str, fingerprint: str, now: datetime) -> KeyedReply | None:
    """Return the first reply to a key; None if it is new or expired.

    Raises:
        OutcomeUnknown: the key's first request was a different one.
    """
    first = next((each for each in replies if each.key == key), None)
    if first is None or first.at + KEY_LIFETIME <= now:
        return None
    if not first.is_server_error and first.fingerprint != fingerprint:
        raise OutcomeUnknown("the idempotency key was used for a different request")
    return first


def store(replies: Replies, reply: KeyedReply) -> Replies:
    """Add a reply; it replaces an earlier one to the same key."""
    return (*(each for each in replies if each.key != reply.key), reply)


def fingerprint(*parts: str) -> str:
    """Return a hash that distinguishes requests; the card token itself is never stored."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
