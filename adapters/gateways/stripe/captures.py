"""Capture and release of what is authorized, with either API.

https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from attrs import frozen

from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.client import StripeApi, bounded, querying
from adapters.gateways.stripe.errors import RequestRefused
from adapters.gateways.stripe.intents import outcome_of_intent
from adapters.gateways.stripe.labels import names
from adapters.gateways.stripe.objects import RELEASED, intent_of, outcome_of_charge
from adapters.gateways.stripe.open_intents import EXPANDED, PATH, OpenIntents
from adapters.gateways.stripe.refusals import Fault, fault_of
from application.ports.payment_gateway import OutcomeUnknown
from domain.capture import CaptureFailed
from domain.outcome import Authorized, Declined, Outcome
from domain.payment import Payment

Find = Callable[[Payment], Awaitable[Outcome | None]]

# What a capture leaves of its call for reading why it was refused.
_READ_SECONDS: Final = 4.0

_CHARGES: Final = "/v1/charges"

# "The charge cannot be captured as the authorization has expired"
# (https://docs.stripe.com/error-codes#charge-expired-for-capture).
_EXPIRED: Final = "charge_expired_for_capture"

# What is refunded already, so that there is nothing to release.
_IS_RELEASED: Final = ("charge_already_refunded", _EXPIRED)


@frozen
class StripeCaptures:
    """Captures and releases authorizations of one account.

    A shop may have changed between the two APIs since: each authorization is captured with the API
    that made it.
    """

    api: StripeApi

    async def capture(self, payment: Payment, find: Find) -> Outcome | CaptureFailed:
        """Capture what is requested of an authorization; see the port's `capture`.

        `find` is the adapter's own, for a payment whose reference is not known.
        """
        requested = payment.requested_capture
        minor_units = None if requested is None else to_stripe(requested)
        if minor_units is None:
            return CaptureFailed("amount_not_supported", f"Stripe cannot capture {requested}")
        async with bounded() as left:
            target = await self._target(payment, find)
            if not isinstance(target, str):
                return target
            try:
                outcome = await self._send(
                    target, minor_units, payment.capture_key, left() - _READ_SECONDS
                )
            except RequestRefused as refused:
                return self._refused(refused, await self._read(target))
            if isinstance(outcome, Authorized):
                raise OutcomeUnknown("Stripe has not finished the capture")
            return outcome

    async def resolved(
        self, payment: Payment, outcome: Outcome | None, *, cancel: bool
    ) -> Outcome | None:
        """Return the outcome of a payment whose charge has this one; release it if `cancel`.

        Only the intent of a charge shows that its authorization was released. Call it in
        `querying`.
        """
        if not isinstance(outcome, Authorized):
            return outcome
        if outcome.reference is not None:
            intents = OpenIntents(self.api)
            return await intents.resolve(await intents.read(outcome.reference), cancel=cancel)
        return await self._release(payment, outcome) if cancel else outcome

    async def _target(self, payment: Payment, find: Find) -> str | Outcome:
        """Return the intent or charge to capture, or what has become of it."""
        if payment.reference is not None and payment.reference.startswith("pi_"):
            return payment.reference
        found: Outcome | None
        if payment.charge_id is None:
            found = await find(payment)
        else:
            async with querying():
                charge = await self.api.get(f"{_CHARGES}/{payment.charge_id}")
            found = outcome_of_charge(charge)
        if found is None:
            raise OutcomeUnknown("Stripe has no record of what is to be captured")
        return (found.reference or found.charge_id) if isinstance(found, Authorized) else found

    async def _send(self, target: str, minor_units: int, key: str, within: float) -> Outcome:
        if target.startswith("pi_"):
            return outcome_of_intent(
                await self.api.post(
                    f"{PATH}/{target}/capture",
                    within=within,
                    key=key,
                    amount_to_capture=minor_units,
                    expand=EXPANDED,
                )
            )
        charge = await self.api.post(
            f"{_CHARGES}/{target}/capture", within=within, key=key, amount=minor_units
        )
        return outcome_of_charge(charge)

    async def _read(self, target: str) -> Outcome:
        async with querying():
            if target.startswith("pi_"):
                return outcome_of_intent(await OpenIntents(self.api).read(target))
            return outcome_of_charge(await self.api.get(f"{_CHARGES}/{target}"))

    def _refused(self, refused: RequestRefused, found: Outcome) -> Outcome | CaptureFailed:
        """Return what a refused capture means, given what Stripe says of the payment since."""
        if not isinstance(found, Authorized):
            return found
        if refused.code == _EXPIRED:
            return Declined(refused.code, found.reference)
        if fault_of(refused.error) is Fault.UNKNOWN:
            # As if it were captured already, which it is not.
            raise OutcomeUnknown(str(refused))
        return CaptureFailed(refused.code, refused.error.words)

    async def _release(self, payment: Payment, held: Authorized) -> Outcome:
        """Release an authorization of the Charges API: refund what is not captured.

        Whatever the key, a charge is refunded once; so every attempt has a key of its own, because
        Stripe repeats errors.
        """
        code = None
        try:
            await self.api.post(
                "/v1/refunds",
                within=_READ_SECONDS,
                charge=held.charge_id,
                metadata=names(payment) | {"releases": "authorization"},
            )
        except RequestRefused as refused:
            code = refused.code
        charge = await self.api.get(f"{_CHARGES}/{held.charge_id}")
        outcome = outcome_of_charge(charge)
        if not isinstance(outcome, Authorized):
            return outcome
        if code in _IS_RELEASED or outcome.until <= datetime.now(UTC):
            return Declined(RELEASED, intent_of(charge))
        raise OutcomeUnknown("Stripe did not release the authorization")
