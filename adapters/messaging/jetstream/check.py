"""Check the broker, its streams and their consumers, for `payments doctor`."""

from collections.abc import AsyncIterator, Sequence

from attrs import frozen

from adapters.messaging.jetstream.api import ApiRefusal, ApiReply, StreamInfo
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.consumers import Consumer
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.permissions import missing_permissions, needed_permissions
from adapters.messaging.jetstream.plans import SHIPMENTS_CONSUMER, Plan
from adapters.messaging.jetstream.streams import Streams, check_stream
from adapters.messaging.jetstream.suitability import (
    MIN_SIZE,
    full_stream,
    server_remark,
    stream_remarks,
)
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable

_NOT_ENABLED = (10039, 10076)
"""JSNotEnabledForAccountErr, JSNotEnabledErr (nats-server, server/errors.json)."""


@frozen
class BrokerCheckResult:
    """The result of one check, in one line."""

    ok: bool
    text: str


async def check(
    connection: JetStreamConnection, streams: Streams, durable: str
) -> Sequence[BrokerCheckResult]:
    """Check the connection, JetStream, the streams and the consumers of order events.

    `durable` is the consumer of `order:created` and `order:cancelled`.

    Nothing is changed.
    """
    return [result async for result in _check(connection, streams, durable)]


async def _check(
    connection: JetStreamConnection, streams: Streams, durable: str
) -> AsyncIterator[BrokerCheckResult]:
    try:
        client = await connection.client()
    except BrokerUnavailable as unavailable:
        yield BrokerCheckResult(False, f"NATS: {unavailable}")
        return
    yield _check_server(client.server_version, client.max_payload)
    try:
        await connection.request("INFO", ApiReply)
    except ApiRefusal as refusal:
        is_absent = refusal.err_code in _NOT_ENABLED
        problem = "not enabled for this account" if is_absent else refusal
        yield BrokerCheckResult(False, f"JetStream: {problem}")
        return
    except BrokerUnsuitable:
        pass  # whether it is enabled may be a secret to us; the streams will tell
    except BrokerUnavailable as unavailable:
        yield BrokerCheckResult(False, f"JetStream: {unavailable}")
        return
    else:
        yield BrokerCheckResult(True, "JetStream: enabled")
    plans, read = streams.plans, dict[tuple[str, str], list[str]]()
    durables = {plans.orders: durable, plans.shipments: SHIPMENTS_CONSUMER}
    for plan in plans:
        for subject in plan.subjects:
            try:
                with as_unavailable():
                    stream = await _find(streams, plan, subject)
                    yield await _check_stream(streams, stream, plan, subject)
            except BrokerUnavailable as error:
                yield BrokerCheckResult(False, f"stream for {subject}: {error}")
                continue
            if stream is not None and plan in durables:
                read.setdefault((stream.config["name"], durables[plan]), []).append(subject)
    needed: dict[str, None] = {}
    for (stream_name, name), subjects in sorted(read.items()):
        full = connection.namespace.subjects(subjects)
        consumer = Consumer(connection, stream_name, connection.namespace.consumer(name), full)
        yield await _check_consumer(consumer)
        needed |= dict.fromkeys(needed_permissions(connection, stream_name, consumer.name))
    if needed:
        for subject in await missing_permissions(connection, needed):
            yield BrokerCheckResult(False, f"NATS: our user may not publish to {subject}")


def _check_server(version: str, limit: int) -> BrokerCheckResult:
    if limit < MIN_SIZE:
        problem = f"it refuses events of more than {limit} bytes (max_payload); use {MIN_SIZE}"
        return BrokerCheckResult(False, f"NATS: {problem}")
    remark = server_remark(version)
    return BrokerCheckResult(True, "; ".join(("NATS: connected", *([remark] if remark else ()))))


async def _find(streams: Streams, plan: Plan, subject: str) -> StreamInfo | None:
    """Return the stream with a subject; None also if we may only look at ours, which lacks it."""
    try:
        return await streams.find(plan, subject)
    except BrokerUnsuitable:
        own = await streams.own(plan)
        if own is None or not streams.is_ours(own, plan):
            raise
        return None


async def _check_stream(
    streams: Streams, stream: StreamInfo | None, plan: Plan, subject: str
) -> BrokerCheckResult:
    full = streams.connection.namespace.subject(subject)
    if stream is None:
        ok, text = await _check_missing(streams, plan)
        return BrokerCheckResult(ok, f"stream for {full}: {text}")
    check_stream(stream, plan, [full])
    if problem := full_stream(stream.config, stream.state.messages, stream.state.bytes):
        name = stream.config["name"]
        return BrokerCheckResult(False, f"stream for {full}: {name} {problem}")
    text = "; ".join((stream.config["name"], *stream_remarks(stream.config)))
    return BrokerCheckResult(True, f"stream for {full}: {text}")


async def _check_missing(streams: Streams, plan: Plan) -> tuple[bool, str]:
    """Return what will be done about a subject without a stream, and whether it is possible."""
    own = await streams.own(plan)
    if own is None:
        return True, "none yet; it is created when it is needed"
    name = own.config["name"]
    if not streams.is_ours(own, plan):
        return True, f"none yet; {name} has settings of its own, so {name}_2 is created for it"
    update = f"{streams.connection.namespace.api}.STREAM.UPDATE.{name}"
    if await missing_permissions(streams.connection, [update]):
        return False, f"{name} lacks it, and our NATS user may not publish to {update}"
    return True, f"none yet; {name} gets it when it is needed"


async def _check_consumer(consumer: Consumer) -> BrokerCheckResult:
    label = f"consumer {consumer.name} of stream {consumer.stream}"
    try:
        with as_unavailable():
            await consumer.check()
    except BrokerUnsuitable as unsuitable:
        return BrokerCheckResult(False, str(unsuitable))
    except BrokerUnavailable as unavailable:
        return BrokerCheckResult(False, f"{label}: {unavailable}")
    return BrokerCheckResult(True, f"{label}: usable")
