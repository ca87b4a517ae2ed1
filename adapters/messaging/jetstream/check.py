"""Check the broker and its streams, for `payments doctor`."""

from collections.abc import Sequence

from attrs import frozen
from nats.errors import Error
from nats.js.errors import ServiceUnavailableError

from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.streams import PLANS, Streams
from application.ports.event_publisher import BrokerUnavailable


@frozen
class BrokerCheckResult:
    """The result of one check, in one line."""

    ok: bool
    text: str


async def check(connection: JetStreamConnection, streams: Streams) -> Sequence[BrokerCheckResult]:
    """Check the connection, JetStream and the streams; nothing is changed."""
    try:
        jetstream = await connection.jetstream()
    except BrokerUnavailable as unavailable:
        return [BrokerCheckResult(False, f"NATS: {unavailable}")]
    results = [BrokerCheckResult(True, "NATS: connected")]
    try:
        await jetstream.account_info()
    except ServiceUnavailableError:
        return [
            *results,
            BrokerCheckResult(False, "JetStream: not enabled on this server or account"),
        ]
    except (Error, TimeoutError) as error:
        return [*results, BrokerCheckResult(False, f"JetStream: {error}")]
    results.append(BrokerCheckResult(True, "JetStream: enabled"))
    for plan in PLANS:
        for subject in plan.subjects:
            results.append(await _check_stream(streams, subject))
    return results


async def _check_stream(streams: Streams, subject: str) -> BrokerCheckResult:
    try:
        stream = await streams.find(subject)
    except BrokerUnavailable as unavailable:
        return BrokerCheckResult(False, f"stream for {subject}: {unavailable}")
    name = stream or "none yet; it is created when it is needed"
    return BrokerCheckResult(True, f"stream for {subject}: {name}")
