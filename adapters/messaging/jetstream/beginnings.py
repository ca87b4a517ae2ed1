"""Where a consumer begins to read its stream, and where it began before it was set back."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from adapters.messaging.jetstream.api import ConsumerInfo

_BEGINNING: Final = "payments-begins"
"""The metadata of a consumer that was set back: where it began before, as JSON."""

_OPTIONS: Final = ("opt_start_seq", "opt_start_time")

_BEGINNING_FIELDS: Final = ("deliver_policy", *_OPTIONS)


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


def has_beginning(consumer: ConsumerInfo) -> bool:
    """Whether an operator has chosen where a consumer begins."""
    return not is_set_back(consumer) and any(each in consumer.config for each in _OPTIONS)


def is_set_back(consumer: ConsumerInfo) -> bool:
    """Whether a consumer begins where it was set back to, and not where it began at first."""
    return _BEGINNING in (consumer.config.get("metadata") or {})


def begins_by(consumer: ConsumerInfo, config: Mapping[str, Any]) -> bool:
    """Whether a consumer begins where one with these settings would begin, or before that."""
    if all(consumer.config.get(name) == config.get(name) for name in _BEGINNING_FIELDS):
        return True
    begin = begins(consumer)
    return begin is not None and begin <= (config.get("opt_start_seq") or 1)


def continues(consumer: ConsumerInfo) -> bool:
    """Whether a consumer that was just created counts what one before it had delivered."""
    delivered = consumer.delivered
    return delivered.consumer_seq > 0 and delivered.last_active is None


def begins_late(consumer: ConsumerInfo, last: int) -> bool:
    """Whether a consumer leaves out events that come after its creation, or after now.

    `last` is the last sequence of its stream. Of a time to come the server makes its next event,
    but leaves out all before a sequence to come.
    """
    match consumer.config.get("deliver_policy"):
        case "by_start_time":
            return _time(consumer.config["opt_start_time"]) > _time(consumer.created)
        case "by_start_sequence":
            return int(consumer.config["opt_start_seq"]) > last + 1
        case _:
            return False


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


def _time(text: str) -> datetime:
    """Return a time as the server writes it: RFC 3339, of any zone, with nanoseconds."""
    return msgspec.convert(text, datetime)
