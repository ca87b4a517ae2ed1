"""The checker of the promises; it is shipped, as `payments simulate` needs it as well."""

from entrypoints.simulation.promises import (
    ChargeThere,
    Findings,
    Given,
    RefundThere,
    Seen,
    broken_promises,
)

__all__ = ["ChargeThere", "Findings", "Given", "RefundThere", "Seen", "broken_promises"]
