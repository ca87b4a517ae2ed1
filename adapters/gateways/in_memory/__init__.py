"""The in-memory gateway: the reference implementation of the port, with injected faults."""

from adapters.gateways.in_memory.faults import FaultPlan, Faults, GatewayFault, GatewayFaultKind
from adapters.gateways.in_memory.gateway import Checkpoint, InMemoryGateway, no_delay
from adapters.gateways.in_memory.ledger import GatewayLedger

__all__ = [
    "Checkpoint",
    "FaultPlan",
    "Faults",
    "GatewayFault",
    "GatewayFaultKind",
    "GatewayLedger",
    "InMemoryGateway",
    "no_delay",
]
