"""Complete a repeated reply with what is never stored: the client secret."""

from typing import Final

import msgspec
from attrs import evolve, frozen

from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.find_action import FindAction
from domain.identifiers import PaymentId, UserId
from domain.payment_status import CANCELLABLE, PaymentStatus
from entrypoints.http.errors import RETRY_LATER, payment_in_progress
from entrypoints.http.replies import Reply, add_action
from entrypoints.http.reply_bodies import PaymentBody

_WITH_ACTION: Final = frozenset(each.value for each in CANCELLABLE)


@frozen
class RepeatedReplies:
    """Completes the replies to repeated requests for a payment."""

    find_action: FindAction

    async def complete(self, reply: Reply, user: UserId) -> Reply:
        """Return a stored reply as it was first sent.

        If the customer need not act any more, there is no secret to add. If it cannot be fetched
        now, the reply is that the payment is in progress: one that says that nothing was charged
        may become untrue.
        """
        if reply.is_problem:
            return reply
        body = msgspec.json.decode(reply.content, type=PaymentBody)
        if body.status not in _WITH_ACTION:
            return reply
        try:
            action = await self.find_action(PaymentId(body.id), user)
        except (GatewayUnavailable, StorageUnavailable):
            if body.status == PaymentStatus.REQUIRES_ACTION.value:
                return evolve(payment_in_progress(body), headers=RETRY_LATER)
            return reply  # nobody has to act at once, and mostly there is nothing to add
        if action is None:
            return reply
        add_action(body, action)
        return evolve(reply, content=msgspec.json.encode(body))
