"""FindAction: ask the gateway again what a customer must do, because it is never stored."""

from attrs import frozen

from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable
from application.ports.unit_of_work import BeginUnitOfWork
from application.use_cases.check_payment import CheckPayment
from domain.identifiers import PaymentId, UserId
from domain.outcome import Pending, RequiresAction
from domain.payment_status import CANCELLABLE


@frozen
class FindAction:
    """Find what the customer of a payment must do; settle the payment if that has ended."""

    begin: BeginUnitOfWork
    check: CheckPayment

    async def __call__(
        self, payment_id: PaymentId, user: UserId, within: float = CALL_SECONDS
    ) -> RequiresAction | None:
        """Return the action; None if the payment no longer waits for this user.

        The gateway has `within` seconds to answer.

        Raises:
            GatewayUnavailable: the gateway does not say.
            StorageUnavailable: the database cannot be reached.
        """
        order = await self.begin().orders.find_by_payment(payment_id)
        payment = None if order is None else order.payment(payment_id)
        if payment is None or payment.user_id != user:
            return None
        if payment.status not in CANCELLABLE:
            return None
        evidence = (await self.check(payment, within=within)).evidence
        if evidence is None:
            raise GatewayUnavailable("the client secret cannot be fetched now")
        if isinstance(evidence, Pending):
            return evidence.action
        return evidence if isinstance(evidence, RequiresAction) else None
