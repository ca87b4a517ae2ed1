"""Money given back through Stripe; https://docs.stripe.com/refunds."""

from typing import Final

from attrs import frozen

from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.client import StripeApi, bounded, looking
from adapters.gateways.stripe.errors import Refused, StoredError
from adapters.gateways.stripe.objects import Json, about_us, amount, labels, outcome_of_refund
from domain.identifiers import ChargeId
from domain.payment import Payment
from domain.refund import Refund, RefundFailed, RefundOutcome

# The rest of the 15 s is for looking at the charge's refunds when the answer is not enough.
_REFUND_SECONDS: Final = 9.0
_LOOK_SECONDS: Final = 5.0


@frozen
class StripeRefunds:
    """Refunds of charges, however these were made."""

    api: StripeApi

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Give money back, at most once for each key; the port's `refund`."""
        minor_units = to_stripe(refund.amount)
        if minor_units is None:
            return RefundFailed("amount_not_supported")
        async with bounded():
            try:
                made = await self.api.post(
                    "/v1/refunds",
                    within=_REFUND_SECONDS,
                    key=refund.key,
                    charge=refund.charge_id,
                    amount=minor_units,
                    metadata=labels(payment) | {"refund_id": refund.id, "refund_key": refund.key},
                )
            except Refused as refused:
                if refused.code != "charge_already_refunded":
                    return RefundFailed(refused.code)
                found = _already_back(await self._of(refund.charge_id), refund)
                return found or RefundFailed(refused.code)
            except StoredError:
                # This key will never get another answer. What was done under it is on the list,
                # or nothing was: then the attempt is over, and the next one has a new key.
                found = _attempt(await self._of(refund.charge_id), refund)
                return found or RefundFailed("gateway_error")
            return outcome_of_refund(made)

    async def find(self, refund: Refund) -> RefundOutcome | None:
        """Say what became of a refund; the port's `find_refund`."""
        async with looking():
            made = await self._of(refund.charge_id)
            if refund.reference is None:
                return _attempt(made, refund)
            named = (each for each in made if each.get("id") == refund.reference)
            return next(map(outcome_of_refund, named), None)

    async def _of(self, charge_id: ChargeId) -> list[Json]:
        """All refunds of a charge. The list, unlike search, shows at once what was written."""
        async with looking():
            return [each async for each in self.api.list("/v1/refunds", charge=charge_id)]


def _attempt(made: list[Json], ours: Refund) -> RefundOutcome | None:
    return next(
        (outcome_of_refund(each) for each in made if about_us(each, "refund_key") == ours.key), None
    )


def _already_back(made: list[Json], ours: Refund) -> RefundOutcome | None:
    """Who gave back what there is no more: an earlier attempt of ours, or another hand.

    The latter only counts if nobody else's refund of ours can claim it: it carries no name of ours
    and is of the same amount.
    """
    alive = [each for each in made if each.get("status") not in ("failed", "canceled")]
    for each in alive:
        if about_us(each, "refund_id") == ours.id:
            return outcome_of_refund(each)
    for each in alive:
        if about_us(each, "refund_id") is None and amount(each, "amount") == ours.amount:
            return outcome_of_refund(each)
    return None
