"""The checker of the promises, for tests outside the simulation."""

from payments_kit.simulation.invariants import broken_promises
from payments_kit.simulation.observations import (
    Delivered,
    GatewayCharge,
    GatewayRefund,
    Observations,
    RecordedReply,
)

__all__ = [
    "Delivered",
    "GatewayCharge",
    "GatewayRefund",
    "Observations",
    "RecordedReply",
    "broken_promises",
]
