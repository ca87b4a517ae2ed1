"""Bugs of several gateways: money at one of them, and a step that goes to another one."""

from typing import Final

from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from application.use_cases.claim_order import Claim
from application.use_cases.create_charge import CreateCharge
from domain.outcome import Outcome
from domain.payment import Payment
from tests.simulation.bug import Bug


def _the_first_one(self: Gateways, _payment: Payment) -> ConfiguredGateway:
    return self.default


async def _another_one_is_tried(self: CreateCharge, claim: Claim, token: CardToken) -> Outcome:
    try:
        return await claim.at.gateway.charge(claim.payment, token)
    except (OutcomeUnknown, GatewayUnavailable):
        for other in self.claim.gateways:
            if other is not claim.at:
                return await other.gateway.charge(claim.payment, token)
        raise


GATEWAY_BUGS: Final = (
    Bug("every step goes to the first gateway", Gateways, "at", _the_first_one, first=101),
    Bug(
        "another gateway is tried if the outcome is unknown",
        CreateCharge,
        "_charge",
        _another_one_is_tried,
        first=11,
    ),
)
"""Every fifth seed has two gateways."""
