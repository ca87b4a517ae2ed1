"""The Idempotency-Key header; https://docs.stripe.com/api/idempotent_requests."""

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, evolve, field, frozen

from payments_kit.doubles.replies import Reply
from payments_kit.doubles.stripe.errors import StripeFailure, invalid, key_in_use
from payments_kit.doubles.stripe.form import Raw

MAX_KEY_LENGTH: Final = 255  # https://docs.stripe.com/api/idempotent_requests


@frozen
class Call:
    """A request to the API, decoded but not yet validated."""

    method: str
    path: str
    params: Raw
    request_id: str
    key: str | None = None


@define
class _Slot:
    path: str
    params: Raw
    request_id: str
    reply: Reply | None = None


@define
class IdempotencyKeys:
    """The first reply to each key."""

    slots: dict[str, _Slot] = field(factory=dict)

    async def once(self, call: Call, run: Callable[[], Awaitable[Reply]]) -> Reply:
        """Execute a request, or repeat the first reply to its key, also a 4xx or 500."""
        if call.key is None or call.method != "POST":
            return await run()
        if len(call.key) > MAX_KEY_LENGTH:
            raise invalid(f"Idempotency keys can be at most {MAX_KEY_LENGTH} characters long.")
        if (slot := self.slots.get(call.key)) is not None:
            return self._repeated(call, slot)
        slot = self.slots[call.key] = _Slot(call.path, call.params, call.request_id)
        try:
            reply = await run()
        except BaseException:
            self._release(call.key, slot)
            raise
        if reply.stored:
            slot.reply = reply
        else:
            self._release(call.key, slot)
        return reply

    def forget(self, key: str | None = None) -> int:
        """Expire a key, or all; a request in progress keeps its key. Return how many expired."""
        expired = [name for name, slot in self.slots.items() if slot.reply and key in (None, name)]
        for name in expired:
            del self.slots[name]
        return len(expired)

    def _repeated(self, call: Call, slot: _Slot) -> Reply:
        if slot.path != call.path:
            raise _key_mismatch(
                f"for the same endpoint they were first used for ('{slot.path}' vs '{call.path}')",
                call.key,
            )
        if slot.params != call.params:
            raise _key_mismatch("with the same parameters they were first used with", call.key)
        if slot.reply is None:
            raise key_in_use(str(call.key))
        replayed = {"Idempotent-Replayed": "true", "Original-Request": slot.request_id}
        if slot.reply.status >= 500:
            replayed["Stripe-Should-Retry"] = "false"
        return evolve(slot.reply, headers=slot.reply.headers | replayed)

    def _release(self, key: str, slot: _Slot) -> None:
        if self.slots.get(key) is slot:
            del self.slots[key]


def _key_mismatch(rule: str, key: str | None) -> StripeFailure:
    message = f"Keys for idempotent requests can only be used {rule}. Try using a key other than "
    message += f"'{key}' if you meant to execute a different request."
    return StripeFailure(400, "idempotency_error", message, stored=False)
