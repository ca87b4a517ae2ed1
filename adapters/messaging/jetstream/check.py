"""What `payments doctor` says about the broker, a line each."""

from collections.abc import Sequence

from attrs import frozen
from nats.errors import Error
from nats.js.errors import ServiceUnavailableError

from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.streams import PLANS, Streams
from application.ports.event_publisher import BrokerUnavailable


@frozen
class CheckResult:
    """One thing that was looked at."""

    well: bool
    text: str


async def check(connection: JetStreamConnection, streams: Streams) -> Sequence[CheckResult]:
    """Look at the connection, JetStream and the streams, and change nothing."""
    try:
        jetstream = await connection.jetstream()
    except BrokerUnavailable as unavailable:
        return [CheckResult(False, f"NATS: {unavailable}")]
    findings = [CheckResult(True, "NATS: connected")]
    try:
        await jetstream.account_info()
    except ServiceUnavailableError:
        return [*findings, CheckResult(False, "JetStream: not enabled on this server or account")]
    except (Error, TimeoutError) as error:
        return [*findings, CheckResult(False, f"JetStream: {error}")]
    findings.append(CheckResult(True, "JetStream: enabled"))
    for plan in PLANS:
        for subject in plan.subjects:
            findings.append(await _look(streams, subject))
    return findings


async def _look(streams: Streams, subject: str) -> CheckResult:
    try:
        stream = await streams.find(subject)
    except BrokerUnavailable as unavailable:
        return CheckResult(False, f"stream for {subject}: {unavailable}")
    where = stream or "none yet, is created when it is needed"
    return CheckResult(True, f"stream for {subject}: {where}")
