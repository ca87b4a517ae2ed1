"""Failover: a standby that lags is promoted, and the last transactions are lost."""

from attrs import frozen

from payments_kit.simulation.faults import LOSSES
from payments_kit.simulation.runtime import SimulatedRuntime
from payments_kit.simulation.standby import MAX_LOST
from payments_kit.simulation.webhooks import Webhooks


@frozen
class Failover:
    """Promotes the standby of a run."""

    runtime: SimulatedRuntime
    webhooks: Webhooks

    def __call__(self, seconds: float) -> None:
        """Promote a standby that lags; half of the time, all notifications are sent again."""
        runtime, injector, loop = self.runtime, self.runtime.injector, self.runtime.loop
        draw = next(injector.stream(kind) for kind in LOSSES if injector.is_possible(kind))
        lost = int(draw.uniform(1, MAX_LOST + 1))
        runtime.trace.record("database", f"has lost {lost} commits")
        runtime.standby.promote(lost)
        kept = [order for _, order in runtime.database.orders.values()]
        runtime.watch.lose_transactions(kept)
        runtime.database_faults.go_down(seconds)
        if draw.random() < 0.5:
            loop.call_later(seconds, self.webhooks.send_again, context=loop.outside)
