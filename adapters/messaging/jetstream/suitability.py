"""Whether a stream or consumer that exists already is used: not if it would lose or repeat events.

What is merely unusual is used. The settings are those of
https://docs.nats.io/nats-concepts/jetstream/streams and …/consumers.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from adapters.messaging.jetstream.api import ConsumerInfo
from adapters.messaging.jetstream.namespace import any_covers

_VERSION: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")

NANOSECONDS: Final = 10**9

MIN_AGE: Final = timedelta(days=1)
"""Events must be kept for longer than we are offline, and a weekend's incident takes hours."""

MIN_MESSAGES: Final = 10_000
"""Fewer may arrive while a worker is deployed, and the oldest would then be deleted unread."""

MIN_BYTES: Final = 10 * 2**20
"""The same number of events, with room: an order event has a few hundred bytes."""

MIN_SIZE: Final = 8 * 2**10
"""An event of ours whose ids have 255 characters of 4 bytes, twice: in its headers as well."""

MIN_ACK_WAIT: Final = timedelta(seconds=1)
"""A batch is applied within a fraction of it. An event that takes longer is repeated, which changes
nothing; below it, events might be repeated again and again."""

MIN_PULL: Final = 256
"""The size of our pulls (entrypoints/worker/intake.py); it would refuse them with a lower limit."""

MIN_EXPIRY: Final = timedelta(seconds=2)
"""How long our pulls wait, with room."""


_LIMITS: Final = (
    ("max_msgs", MIN_MESSAGES),
    ("max_msgs_per_subject", MIN_MESSAGES),
    ("max_bytes", MIN_BYTES),
)


def stream_problems(
    config: Mapping[str, Any], subjects: Sequence[str], *, publishes: bool, is_archive: bool = False
) -> Iterator[str]:
    """Yield why a stream cannot be used for these subjects.

    `publishes` is whether we publish to it, and not only read it; `is_archive`, whether it must
    keep what nobody subscribes to.
    """
    if missing := [each for each in subjects if not any_covers(config.get("subjects") or (), each)]:
        yield f"stores only a part of {', '.join(missing)}"
    if config.get("sealed"):
        yield "is sealed, so it stores no events"
    if publishes and config.get("no_ack"):
        yield "confirms no event (no_ack), so each would be sent again for ever"
    transform = config.get("subject_transform") or {}
    if transform and any(_overlaps(transform.get("src") or ">", each) for each in subjects):
        yield "stores our events under other subjects (subject_transform)"
    max_age = config.get("max_age") or 0
    if 0 < max_age < MIN_AGE / timedelta(seconds=1) * NANOSECONDS:
        yield (
            f"deletes events after {timedelta(seconds=max_age / NANOSECONDS)} (max_age): a longer"
            f" outage would lose them; {MIN_AGE} is the least"
        )
    size = config.get("max_msg_size") or 0
    if publishes and 0 < size < MIN_SIZE:
        yield f"refuses events of more than {size} bytes (max_msg_size); use {MIN_SIZE}"
    if is_archive and config.get("retention") == "interest":
        yield "deletes what nobody subscribes to (retention interest)"
    yield from _limits(config)


def _limits(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the limits at which a stream deletes its oldest events for new ones."""
    for name, least in _LIMITS:
        limit = config.get(name) or 0
        if 0 < limit < least and not _refuses_new(config, name):
            yield f"deletes its oldest events beyond {limit} ({name}), read or not; use {least}"


def _refuses_new(config: Mapping[str, Any], limit: str) -> bool:
    """Whether a stream refuses new events at a limit, instead of deleting the oldest.

    That its limit of each subject does so is a setting of its own.
    """
    if config.get("discard", "old") != "new":
        return False
    return limit != "max_msgs_per_subject" or bool(config.get("discard_new_per_subject"))


def full_stream(config: Mapping[str, Any], messages: int, size: int) -> str | None:
    """Return why a stream with so many messages and bytes refuses new events; None if it does not.

    A limit of a server or an account is known only when it refuses one.
    """
    most, room = config.get("max_msgs") or 0, (config.get("max_bytes") or 0) - size
    if 0 < most <= messages and _refuses_new(config, "max_msgs"):
        return f"is full: it refuses new events beyond {most} (max_msgs)"
    if (config.get("max_bytes") or 0) > 0 and room < MIN_SIZE and _refuses_new(config, "max_bytes"):
        return f"is full: {max(room, 0)} bytes are left (max_bytes)"
    return None


def server_remark(version: str) -> str | None:
    """Return what an operator should know about a server of this version.

    In 2.10.17 to 2.10.25, a consumer that was just created goes on after an event if that event is
    acknowledged for the deleted consumer of its name (`processAckMsg` in server/consumer.go; seen
    on 2.10.25, gone in 2.10.26).
    """
    match = _VERSION.match(version)
    if match is None or not (2, 10, 17) <= tuple(map(int, match.groups())) < (2, 10, 26):
        return None
    return (
        f"version {version} may leave out order events that are read again after a failover of the"
        " database: use 2.10.26 or newer"
    )


def stream_remarks(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an operator should know about a stream that is used."""
    if config.get("storage") == "memory":
        yield "keeps events in memory: a restart of NATS loses them"
    for name, least in _LIMITS:
        limit = config.get(name) or 0
        if 0 < limit < least and _refuses_new(config, name):
            yield f"refuses new events beyond {limit} ({name}, discard new)"
    if config.get("retention") in ("workqueue", "interest"):
        yield ("deletes acknowledged events: they do not return if an older database is restored")


def consumer_problems(
    consumer: ConsumerInfo, subjects: Sequence[str], *, is_late: bool = False
) -> Iterator[str]:
    """Yield why a consumer cannot be used for these subjects.

    `is_late` is whether it begins later than it could.
    """
    config = consumer.config
    if config.get("deliver_subject"):
        yield "is not a pull consumer"
    if not config.get("durable_name") or config.get("inactive_threshold"):
        yield "is deleted while no worker runs (it is not durable, or has an inactive_threshold)"
    policy = config.get("ack_policy", "none")
    if policy != "explicit":
        yield f"has the ack policy {policy}: an event that is not processed would count as such"
    start = config.get("deliver_policy", "all")
    if start in ("new", "last", "last_per_subject"):
        yield f"has the deliver policy {start}: it leaves out events"
    if is_late:
        yield "begins in the future (opt_start_seq or opt_start_time): it leaves out events"
    filters = [*(config.get("filter_subjects") or ()), config.get("filter_subject")]
    filters = [each for each in filters if each]
    if missing := [each for each in subjects if filters and not any_covers(filters, each)]:
        yield f"does not deliver {', '.join(missing)}"
    if (limit := config.get("max_deliver") or 0) > 0:
        yield f"gives an event up after {limit} deliveries (max_deliver), also in an outage"
    ack_wait = config.get("ack_wait") or 0
    if 0 < ack_wait < MIN_ACK_WAIT / timedelta(seconds=1) * NANOSECONDS:
        yield (
            f"repeats events after {timedelta(seconds=ack_wait / NANOSECONDS)}, while they are"
            f" applied (ack_wait or backoff); {MIN_ACK_WAIT} is the least"
        )
    if config.get("headers_only"):
        yield "delivers headers only"
    if consumer.paused:
        yield f"is paused until {config.get('pause_until', 'it is resumed')}"
    if config.get("priority_groups"):
        yield "serves priority groups only"
    if 0 < (config.get("max_batch") or 0) < MIN_PULL:
        yield f"refuses pulls of more than {config['max_batch']} events (max_batch)"
    if 0 < (config.get("max_expires") or 0) < MIN_EXPIRY / timedelta(seconds=1) * NANOSECONDS:
        yield "refuses pulls that wait (max_expires)"


def _overlaps(source: str, subject: str) -> bool:
    return any_covers((source,), subject) or any_covers((subject,), source)
