"""Compose what `payments demo` needs in addition to the service, such as the customer's bank."""

import contextlib
from collections.abc import AsyncIterator

from attrs import frozen

from adapters.clock import utc_now
from adapters.gateways.fake import FakeGateway
from adapters.identifiers import new_id
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from application.ports.gateway_notifications import PaymentNotification
from domain.identifiers import PaymentId
from domain.outcome import Pending
from entrypoints.composition.gateways import open_gateways
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.settings import Settings


@frozen
class WalletSession:
    """What a customer may approve before the shop takes it."""

    token: str
    minor_units: int
    currency: str
    return_url: str
    cancel_url: str
    is_open: bool
    """Whether it is neither approved nor closed."""


@frozen
class BankAtFakeGateway:
    """Acts as the customer's bank at the fake gateway.

    Payments that wait for nothing, and all of another gateway, stay as they are.
    """

    _runtime: Runtime

    @property
    def _gateway(self) -> FakeGateway | None:
        adapters = self._runtime.adapters
        return next((each for each in adapters if isinstance(each, FakeGateway)), None)

    async def decide(self, payment_id: str, approved: bool, notifies: bool = True) -> None:
        """Decide about a payment, and notify the service as a real gateway does.

        Without a notification, recovery finds the decision.

        Raises:
            StorageUnavailable: the database cannot be reached.
            GatewayUnavailable, OutcomeUnknown: the fake gateway's records cannot be.
        """
        gateway = self._gateway
        if gateway is not None:
            await gateway.complete_authentication(PaymentId(payment_id), approved)
            outcome = await gateway.finish_debit(PaymentId(payment_id), approved)
            if notifies and outcome is not None:
                notification = PaymentNotification(new_id(), PaymentId(payment_id), outcome)
                await self._runtime.use_cases.receive_notification(gateway.name, notification)

    async def settle_debit(self, payment_id: str) -> None:
        """Pay a pending debit; a voucher waits for its customer.

        Raises:
            Exception: as for `decide`.
        """
        gateway = self._gateway
        if gateway is not None:
            _, outcome = (await gateway.record(PaymentId(payment_id))).find()
            if isinstance(outcome, Pending) and outcome.action is None:
                await self.decide(payment_id, approved=True)

    async def find_session(self, token: str) -> WalletSession | None:
        """Return a session that a customer may approve, or None if there is none.

        Raises:
            Exception: as for `decide`.
        """
        gateway = self._gateway
        if gateway is None or gateway.reference_of(token) is None:
            return None
        session = (await gateway.record(PaymentId(token))).session
        if session is None:
            return None
        return WalletSession(
            token=session.token,
            minor_units=session.amount.minor_units,
            currency=session.amount.currency.code,
            return_url=session.return_url,
            cancel_url=session.cancel_url,
            is_open=session.approved_at is None and not session.is_closed,
        )

    async def approve(self, token: str) -> bool:
        """Approve a session as its customer; return whether it is approved now.

        Raises:
            Exception: as for `decide`.
        """
        gateway = self._gateway
        return gateway is not None and await gateway.approve(token)


@contextlib.asynccontextmanager
async def open_bank(settings: Settings) -> AsyncIterator[BankAtFakeGateway]:
    """Open the bank; close its connections at the end."""
    async with open_runtime(settings) as runtime:
        yield BankAtFakeGateway(runtime)


async def moves_real_money(settings: Settings) -> bool:
    """Whether a gateway of these settings is in live mode; nothing is sent to it.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    async with open_gateways(settings, Database(engine), utc_now) as opened:
        await engine.dispose()
        return any(each.livemode for each in opened.gateways)
