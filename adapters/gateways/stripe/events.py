"""The envelope of Stripe's events: their id and their object; https://docs.stripe.com/api/events."""

import hashlib
import json
import re
from typing import Any, Final

from adapters.gateways.stripe.objects import Json, nested
from adapters.gateways.stripe.wire import API_VERSION

ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""Stripe's identifiers are much shorter; the limit protects the tables that store them."""


def decoded(body: bytes) -> dict[str, Any] | None:
    """Return an event; None if the body is not a JSON object."""
    try:
        event = json.loads(body.decode())
    except (ValueError, RecursionError):  # invalid UTF-8 and huge numbers are ValueErrors
        return None
    return event if isinstance(event, dict) else None


def id_of(event: Json, body: bytes) -> str:
    """Return the event's id, or else one that is the same whenever the event is sent again."""
    event_id = event.get("id")
    if isinstance(event_id, str) and ID.fullmatch(event_id):
        return event_id
    # Halves of surrogate pairs stay different, so that no other event has the same hash.
    return hashed(event_id.encode(errors="surrogatepass") if isinstance(event_id, str) else body)


def hashed(data: bytes) -> str:
    """Return an id for an event that has none."""
    return f"sha256-{hashlib.sha256(data).hexdigest()}"


def object_of(event: Json) -> Json:
    """Return the object that an event is about; empty if it contains none."""
    return nested(nested(event, "data"), "object")


def version_of(event: Json) -> str:
    """Return the version of Stripe's API that an event is written in; ours if it has none."""
    version = event.get("api_version")
    return version if isinstance(version, str) else API_VERSION


def event_about(charge: Json) -> bytes:
    """Return the event that Stripe would send about a charge that we have listed.

    Its id is the same until the charge changes.
    """
    return listed_event(charge, f"charge.{charge.get('status')}", charge.get("amount_refunded"))


def listed_event(obj: Json, type_: str, state: object) -> bytes:
    """Return the event that Stripe would send about a listed object in this state."""
    event = {
        "id": f"listed_{obj.get('id')}_{state}",
        "object": "event",
        "type": type_,
        "data": {"object": obj},
    }
    return json.dumps(event).encode()
