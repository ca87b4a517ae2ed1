"""The checker of the promises; it is shipped, as `payments simulate` needs it as well."""

from payments_kit.simulation.invariants import (
    ChargeThere,
    Observations,
    RefundThere,
    broken_promises,
)

__all__ = ["ChargeThere", "Given", "Observations", "RefundThere", "Seen", "broken_promises"]
