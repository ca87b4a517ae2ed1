"""Foreign: notifications about what is not this service's, and those that it cannot read yet.

Other systems of the shop may use the same account of the gateway, and a gateway may send what this
version does not understand.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Final

from attrs import define, evolve, field

from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.apply_deferred_notifications import DEFERRED_FOR
from application.use_cases.keep_notification import ReplayNotifications
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.money import Currency, Money
from domain.outcome import Charged, Declined
from domain.payment import Payment
from domain.refund import Refunded, ReportedRefund
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.clients import PATIENCE_SECONDS, Clients
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.runtime import FIRST_GATEWAY
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.webhooks import Webhooks

_SECONDS: Final = 4.0
"""The pause between two of them, on average."""

_MAX_EXPONENT: Final = 5.0
"""The latest replay is 10 to this power of seconds later: a day, as after a new version."""

_IDENTITY: Final = "0a"

_ELSEWHERE: Final = "elsewhere"
_WRONG_GATEWAY: Final = 0.2
"""How often a gateway tells about a payment that it does not have."""

_AMOUNT: Final = Money(1234, Currency("usd"))


@define
class Foreign:
    """Sends notifications of every kind that must change nothing, and lets operators replay."""

    scenario: Scenario
    clients: Clients
    webhooks: Webhooks
    draw: random.Random
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _kept: dict[bytes, Notification] = field(factory=dict)
    """What a newer version reads in each body that this one cannot read."""

    def __attrs_post_init__(self) -> None:
        # Tells this service's payments from those of other systems at the same gateway.
        self.clients.cluster.runtime.database.identity = _IDENTITY

    async def act(self) -> None:
        """Send notifications until the scenario's time is over, then let what is kept run out."""
        clock, loop = asyncio.get_running_loop().time, self.clients.loop
        while clock() < self.scenario.seconds:
            await asyncio.sleep(self.draw.expovariate(1 / _SECONDS))
            self._send_one()
        for _ in range(self.draw.randint(1, 3)):
            seconds = 10 ** self.draw.uniform(0.0, _MAX_EXPONENT)
            loop.call_later(seconds, self._begin_replay, loop, context=loop.outside)
        # What is deferred is deleted then: the run must not be over before.
        loop.call_later(DEFERRED_FOR.total_seconds() + 60.0, int, context=loop.outside)

    def _send_one(self) -> None:
        name = f"evt_foreign_{next(self._numbers)}"
        kinds: tuple[Callable[[str], Notification], ...] = (
            *(self._payment, self._refund, self._external_refund, self._dispute),
            *(UnrelatedNotification, self._unusable),
        )
        self.clients.trace.count(Activity.NOTIFIES_OF_OTHERS)
        if (payment := self._any_payment()) is not None and self.draw.random() < _WRONG_GATEWAY:
            self.webhooks.deliver(_ELSEWHERE, self._about(payment, name))
        else:
            self.webhooks.deliver(FIRST_GATEWAY, self.draw.choice(kinds)(name))

    def _any_payment(self) -> Payment | None:
        orders = self.clients.cluster.runtime.database.orders.values()
        payments = [payment for _, order in orders for payment in order.payments]
        return self.draw.choice(payments) if payments else None

    def _about(self, payment: Payment, name: str) -> Notification:
        """Return what another gateway says about a payment of ours, or of one that we do not have.

        It does not know the payment, and no other gateway decides about it.
        """
        lost = evolve(payment, id=PaymentId(f"pay_{name}{_IDENTITY}"))
        declined, reported = Declined("card_declined"), self._reported(name)
        return self.draw.choice(
            (
                PaymentNotification(name, payment.id, declined),
                PaymentNotification(name, lost.id, declined, claimed=lost),
                RefundNotification(name, payment.id, ChargeId(f"ch_{name}"), reported),
            )
        )

    def _payment(self, name: str) -> Notification:
        charged = Charged(ChargeId(f"ch_{name}"), _AMOUNT, livemode=False)
        outcome = self.draw.choice((charged, Declined("card_declined"), None))
        return PaymentNotification(name, self._payment_id(name), outcome)

    def _payment_id(self, name: str) -> PaymentId:
        """Return the id of a payment that another system claimed, or one that is lost here."""
        identity = self.clients.cluster.runtime.database.identity
        return PaymentId(f"pay_{name}{self.draw.choice(('x', 'x', 'x', identity))}")

    def _refund(self, name: str) -> Notification:
        reported = self._reported(name, RefundId(f"refund_{name}"))
        return RefundNotification(name, self._payment_id(name), ChargeId(f"ch_{name}"), reported)

    def _external_refund(self, name: str) -> Notification:
        return ExternalRefundNotification(name, ChargeId(f"ch_{name}"), self._reported(name))

    def _reported(self, name: str, refund_id: RefundId | None = None) -> ReportedRefund:
        reference = f"re_{name}"
        return ReportedRefund(reference, _AMOUNT, Refunded(reference, _AMOUNT), refund_id)

    def _dispute(self, name: str) -> Notification:
        status = self.draw.choice(tuple(DisputeStatus))
        names = ChargeId(f"ch_{name}"), DisputeId(f"dp_{name}")
        return DisputeNotification(name, *names, _AMOUNT, "fraudulent", status)

    def _unusable(self, name: str) -> Notification:
        """Return what this version cannot read; a newer one may, and then it asks the gateway."""
        known = [*self.clients.cluster.runtime.database.order_of]
        payment_id = self.draw.choice([None, self._payment_id(name), *known])
        unusable = UnusableNotification(name, "an unknown version", payment_id)
        readable: Notification = UnrelatedNotification(name)
        if payment_id is not None:
            readable = self.draw.choice((readable, PaymentNotification(name, payment_id)))
        self._kept[name.encode()] = self.draw.choice((unusable, readable))
        return unusable

    def read_verified(self, body: bytes) -> Notification:
        """Read a kept notification, as the next version does."""
        if body in self._kept:
            return self._kept[body]
        return next(each for _, each in self.webhooks.sent if each.id.encode() == body)

    async def read(self, body: bytes, _headers: object) -> Notification:
        """Read a kept notification, as the next version does."""
        return self.read_verified(body)

    def _begin_replay(self, loop: SimulatedLoop) -> None:
        loop.start(None, self._replay())

    async def _replay(self) -> None:
        """Let an operator read again what is kept."""
        serve = self.clients.cluster.choose_serve()
        if serve is None:
            return
        self.clients.trace.count(Activity.REPLAYS_NOTIFICATIONS)
        replaying = self._read_again(serve.use_cases.replay_notifications)
        await asyncio.wait(
            [self.clients.loop.spawn(serve.process, replaying)], timeout=PATIENCE_SECONDS
        )

    async def _read_again(self, replay: ReplayNotifications) -> None:
        with suppress(StorageUnavailable):
            numbers = self.draw.choice((None, None, {1, 3}))
            await replay.run_once({FIRST_GATEWAY: self}, numbers)
