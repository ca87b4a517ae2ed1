"""Late faults: those that may become possible in the middle of a run."""

from typing import Final

from payments_kit.simulation.faults import FaultKind

ANYWHERE: Final = frozenset(
    {
        FaultKind.COMMIT_REPLY_LOST,
        FaultKind.COMMITTED_THEN_GONE,
        FaultKind.SERIALIZATION_FAILURE,
        FaultKind.CONNECTION_GONE,
        FaultKind.DATABASE_SLOW,
        FaultKind.DATABASE_DOWN,
        FaultKind.PUBLISH_REPLY_LOST,
        FaultKind.PUBLISH_TIMED_OUT,
        FaultKind.BROKER_REFUSES,
        FaultKind.BROKER_DOWN,
        FaultKind.REORDERED,
        FaultKind.REDELIVERED,
        FaultKind.DUPLICATED,
        FaultKind.IDS_FORGOTTEN,
        FaultKind.GATEWAY_UNREACHABLE,
        FaultKind.GATEWAY_RATE_LIMITED,
        FaultKind.GATEWAY_REQUEST_LOST,
        FaultKind.GATEWAY_REPLY_LOST,
        FaultKind.GATEWAY_ARRIVES_LATE,
        FaultKind.GATEWAY_ERROR,
        FaultKind.GATEWAY_ERROR_AFTER,
        FaultKind.GATEWAY_SLOW,
        FaultKind.GATEWAY_DOWN,
        FaultKind.GATEWAY_CRAWLS,
        FaultKind.GATEWAY_REFUSES,
        FaultKind.REFUND_FAILS,
        FaultKind.EXTERNAL_REFUND,
        FaultKind.NOTIFICATION_LOST,
        FaultKind.NOTIFICATION_TWICE,
        FaultKind.NOTIFICATION_LATE,
        FaultKind.CRASH,
        FaultKind.PAUSE,
        FaultKind.CLIENT_DISCONNECTS,
        FaultKind.PAYS_BY_DEBIT,
        FaultKind.DEBIT_FAILS,
        FaultKind.CAPTURE_REFUSED,
        FaultKind.CAPTURED_BY_OTHERS,
        FaultKind.RELEASED_BY_OTHERS,
    }
)
"""Faults that change nothing but where they occur. The others also change what the actors do, or
how strictly a run is judged, as soon as they are possible."""
