"""Reconciliation: what one comparison of a gateway's records with our books works on."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from application.ports.differences import Difference, DifferenceKind, Differences
from application.ports.gateway_records import Period
from application.ports.gateways import ConfiguredGateway
from application.use_cases.compare_books import MARGIN
from domain.money import Money
from domain.payment import Payment

IN_PROGRESS: Final = timedelta(minutes=2)
"""How long a payment or refund may be open although the gateway has ended it: a reply or a webhook
is on its way, and recovery finds the outcome within 30 s otherwise."""

MAX_SEEN: Final = 10_000
"""How many charges and refunds are compared at once; their ids take about 1 MB. More are compared
in parts."""


class TooManyCharges(Exception):
    """The part has more than MAX_SEEN charges and refunds; compare less of it."""


FOR_A_PERSON: Final = "for a person: no money is moved"
"""The reason why a difference is not repaired that the gateway's word does not decide."""

Observe = Callable[[Difference], None]
"""Called with each difference that is found."""


@frozen
class Part:
    """A part of the period at one gateway."""

    at: ConfiguredGateway
    period: Period
    is_repaired: bool
    """Whether differences are repaired."""
    store: Differences
    observe: Observe
    seen: set[str] = field(factory=set)
    """The payments that the gateway has listed."""
    seen_refunds: set[str] = field(factory=set)
    """The gateway's identifiers of the refunds of our payments that it has listed."""
    counts: dict[str, int] = field(factory=lambda: {"compared": 0, "foreign": 0})

    def note(self, payment: Payment) -> None:
        """Note a listed payment of ours.

        Raises:
            TooManyCharges: the part has too many.
        """
        self.counts["compared"] += 1
        self.seen.add(payment.id)
        self._check_size()

    def note_refund(self, reference: str) -> None:
        """Note a listed refund of a payment of ours.

        Raises:
            TooManyCharges: the part has too many.
        """
        self.seen_refunds.add(reference)
        self._check_size()

    def _check_size(self) -> None:
        if len(self.seen) + len(self.seen_refunds) > MAX_SEEN:
            raise TooManyCharges

    async def report(self, found: Sequence[Difference]) -> None:
        """Store differences, and tell the observer."""
        if found:
            await self.store.record(found)
            for each in found:
                self.observe(each)

    def time_of(self, created_at: datetime | None) -> datetime:
        """Return when a record was created; the earliest time of the part if that is not known.

        So a difference is resolved only by a comparison that contains its record for certain.
        """
        return created_at or self.period.since + MARGIN

    def difference(
        self, kind: DifferenceKind, subject: str, payment: Payment, ours: str, theirs: str
    ) -> Difference:
        """Return a difference about a payment, not repaired yet."""
        return Difference(
            kind=kind,
            gateway=self.at.name,
            livemode=self.at.livemode,
            subject=subject,
            at=payment.created_at,
            order_id=payment.order_id,
            payment_id=payment.id,
            charge_id=payment.charge_id,
            ours=ours,
            theirs=theirs,
        )


def shown(money: Money | None) -> str:
    """Return an amount in minor units."""
    return "nothing" if money is None else f"{money.minor_units} {money.currency.code}"


def money_kind(ours: Money, theirs: Money) -> DifferenceKind:
    """Return what differs of two amounts."""
    same = ours.currency == theirs.currency
    return DifferenceKind.AMOUNT if same else DifferenceKind.CURRENCY
