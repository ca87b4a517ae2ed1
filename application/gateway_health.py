"""GatewayHealth: which gateways have failed lately, as far as this process knows."""

from datetime import datetime, timedelta
from typing import Final

from attrs import define, field

from application.ports.clock import Clock

AWAY_FOR: Final = timedelta(seconds=60)
"""How long a gateway counts as away after a failure. Gateways are away for minutes if at all, and a
payment that succeeds ends it at once. Without one, a customer is offered it again after this time,
so that it does not stay last because of a single lost request."""


@define(eq=False)
class GatewayHealth:
    """Remembers the last failure of each configured gateway, in memory; it costs a charge nothing.

    It only sorts what a customer is offered: a gateway that counts as away may be used.
    """

    now: Clock
    _failed_at: dict[str, datetime] = field(factory=dict, init=False)

    def failed(self, gateway: str) -> None:
        """Note that a gateway could not be reached, or did not say what it has done."""
        self._failed_at[gateway] = self.now()

    def answered(self, gateway: str) -> None:
        """Note that a gateway has answered."""
        self._failed_at.pop(gateway, None)

    def is_away(self, gateway: str) -> bool:
        """Whether a gateway has failed within AWAY_FOR, and not answered since."""
        failed_at = self._failed_at.get(gateway)
        return failed_at is not None and abs(self.now() - failed_at) < AWAY_FOR
