"""Where a consumer begins to read its stream, and where it began before it was set back."""

import json
from typing import Any, Final

from adapters.messaging.jetstream.api import ConsumerInfo

_BEGINNING: Final = "payments-begins"
"""The metadata of a consumer that was set back: where it began before, as JSON."""

_BEGINNING_FIELDS: Final = ("deliver_policy", "opt_start_seq", "opt_start_time")


def begins(consumer: ConsumerInfo) -> int | None:
    """Return the first sequence that a consumer delivers; None if it is not known."""
    match consumer.config.get("deliver_policy"):
        case "all":
            return 1
        case "by_start_sequence":
            return int(consumer.config["opt_start_seq"])
        case _ if consumer.delivered.consumer_seq == 0:
            # What lies before its beginning counts as acknowledged.
            return consumer.ack_floor.stream_seq + 1
        case _:
            return None


def beginning_at(config: dict[str, Any], begin: int | None) -> dict[str, Any]:
    """Return settings that begin at a sequence, or where they began before they were set back."""
    metadata = dict(config.get("metadata") or {})
    first: dict[str, Any] = {name: config[name] for name in _BEGINNING_FIELDS if name in config}
    if _BEGINNING in metadata:
        first = json.loads(metadata[_BEGINNING])
    rest = {name: each for name, each in config.items() if name not in _BEGINNING_FIELDS}
    if begin is None:
        metadata.pop(_BEGINNING, None)
        return {**rest, **first, "metadata": metadata}
    metadata[_BEGINNING] = json.dumps(first)
    return {
        **rest,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": begin,
        "metadata": metadata,
    }
