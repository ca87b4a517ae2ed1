"""Events that PayPal would send about what we have listed."""

import json

from adapters.gateways.paypal.objects import Json


def listed_event(obj: Json, type_: str, name: str | None = None, more: object = None) -> bytes:
    """Return the event that PayPal would send about an object that we have listed.

    Its id is the same until the object's status, or `more` of it, changes.
    """
    state = obj.get("status") if more is None else f"{obj.get('status')}-{more}"
    event = {
        "id": f"listed-{name or obj.get('id')}-{state}",
        "event_type": type_,
        "resource": obj,
    }
    return json.dumps(event).encode()
