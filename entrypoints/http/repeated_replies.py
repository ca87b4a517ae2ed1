"""Complete a repeated reply with what is never stored: the client secret."""

import msgspec
from attrs import evolve, frozen

from application.use_cases.find_action import FindAction
from domain.identifiers import PaymentId, UserId
from domain.payment_status import PaymentStatus
from entrypoints.http.replies import PaymentBody, Reply, add_action


@frozen
class RepeatedReplies:
    """Completes the replies to repeated requests for a payment."""

    find_action: FindAction

    async def complete(self, reply: Reply, user: UserId) -> Reply:
        """Return a stored reply as it was first sent.

        If the customer need not act any more, there is no secret to add.

        Raises:
            GatewayUnavailable, StorageUnavailable: it cannot be completed now.
        """
        if reply.is_problem:
            return reply
        body = msgspec.json.decode(reply.content, type=PaymentBody)
        if body.status != PaymentStatus.REQUIRES_ACTION.value:
            return reply
        action = await self.find_action(PaymentId(body.id), user)
        if action is None:
            return reply
        add_action(body, action)
        return evolve(reply, content=msgspec.json.encode(body))
