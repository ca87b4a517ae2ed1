"""Idempotency-Key as Stripe's v1 treats it; https://docs.stripe.com/api/idempotent_requests."""

from collections.abc import Awaitable, Callable

from attrs import define, evolve, field, frozen

from .errors import StripeFailure, invalid, key_in_use
from .form import Raw

MAX_KEY = 255


@frozen
class Answer:
    """A status and a JSON body, ready to be sent; `stored` answers are kept under the key."""

    status: int
    body: bytes
    headers: dict[str, str] = field(factory=dict)
    stored: bool = True


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
    answer: Answer | None = None


@define
class IdempotencyKeys:
    """The first answer to each key, until it is forgotten."""

    slots: dict[str, _Slot] = field(factory=dict)

    async def once(self, call: Call, run: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run it, unless this key has an answer: then give that one again, 4xx and 500 too."""
        if call.key is None or call.method != "POST":
            return await run()
        if len(call.key) > MAX_KEY:
            raise invalid(f"Idempotency keys can be at most {MAX_KEY} characters long.")
        if (slot := self.slots.get(call.key)) is not None:
            return self._again(call, slot)
        slot = self.slots[call.key] = _Slot(call.path, call.params, call.request_id)
        try:
            answer = await run()
        except BaseException:
            self._release(call.key, slot)
            raise
        if answer.stored:
            slot.answer = answer
        else:
            self._release(call.key, slot)
        return answer

    def forget(self, key: str | None = None) -> int:
        """24 hours have passed. A request still running keeps its key."""
        old = [name for name, slot in self.slots.items() if slot.answer and key in (None, name)]
        for name in old:
            del self.slots[name]
        return len(old)

    def _again(self, call: Call, slot: _Slot) -> Answer:
        if slot.path != call.path:
            raise _key_mismatch(
                f"for the same endpoint they were first used for ('{slot.path}' vs '{call.path}')",
                call.key,
            )
        if slot.params != call.params:
            raise _key_mismatch("with the same parameters they were first used with", call.key)
        if slot.answer is None:
            raise key_in_use(str(call.key))
        replayed = {"Idempotent-Replayed": "true", "Original-Request": slot.request_id}
        if slot.answer.status >= 500:
            replayed["Stripe-Should-Retry"] = "false"
        return evolve(slot.answer, headers=slot.answer.headers | replayed)

    def _release(self, key: str, slot: _Slot) -> None:
        if self.slots.get(key) is slot:
            del self.slots[key]


def _key_mismatch(rule: str, key: str | None) -> StripeFailure:
    message = f"Keys for idempotent requests can only be used {rule}. Try using a key other than "
    message += f"'{key}' if you meant to execute a different request."
    return StripeFailure(400, "idempotency_error", message, stored=False)
