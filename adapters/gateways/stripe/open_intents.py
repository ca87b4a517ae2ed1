"""OpenIntents: read and cancel the payment intents of one account."""

from typing import Final

from attrs import frozen

from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.errors import RequestRefused
from adapters.gateways.stripe.intents import is_pending, outcome_of_intent
from adapters.gateways.stripe.objects import Json, text
from adapters.gateways.stripe.statuses import Progress, intent_progress
from application.ports.payment_gateway import OutcomeUnknown
from domain.outcome import Authorized, Outcome, RequiresAction

PATH: Final = "/v1/payment_intents"
EXPANDED: Final = ["latest_charge"]
EXPANDED_IN_LIST: Final = ["data.latest_charge"]

CANCEL_SECONDS: Final = 2.5
"""How long cancelling an intent may take: it changes one object and asks no bank."""

_CAN_BE_CANCELLED: Final = (Progress.WAITING_FOR_CUSTOMER, Progress.AUTHORIZED)


@frozen
class OpenIntents:
    """Reads payment intents, and closes those that nothing may be captured for any more."""

    api: StripeApi

    async def read(self, reference: str) -> Json:
        """Return an intent with its charge."""
        return await self.api.get(f"{PATH}/{reference}", expand=EXPANDED)

    async def resolve(self, intent: Json, *, cancel: bool) -> Outcome:
        """Return an intent's outcome; cancel the intent first if it only waits for another card.

        If `cancel`, it is cancelled if nothing is captured yet, which releases what is authorized.
        """
        progress = intent_progress(text(intent, "status"))
        is_open = progress in _CAN_BE_CANCELLED or is_pending(intent)
        if progress is Progress.WAITING_FOR_CARD or (cancel and is_open):
            return await self._cancel(text(intent, "id"))
        return outcome_of_intent(intent)

    async def _cancel(self, reference: str) -> Outcome:
        """Cancel an intent; if it was charged or cancelled meanwhile, return that outcome.

        In the status `processing` it can be cancelled in rare cases only
        (https://docs.stripe.com/api/payment_intents/cancel); then it stays pending.
        """
        try:
            intent = await self.api.post(
                f"{PATH}/{reference}/cancel", within=CANCEL_SECONDS, expand=EXPANDED
            )
        except RequestRefused:
            intent = await self.read(reference)
        outcome = outcome_of_intent(intent)
        if isinstance(outcome, Authorized | RequiresAction):
            raise OutcomeUnknown("Stripe did not cancel the payment intent")
        return outcome
