"""The PayPal-Request-Id header; https://developer.paypal.com/api/rest/reference/idempotency/."""

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field, frozen

from payments_kit.doubles.paypal.errors import failed, request_id_reused
from payments_kit.doubles.paypal.replies import Result
from payments_kit.doubles.replies import Operation, Reply

# https://developer.paypal.com/docs/api/orders/v2/#orders_create
MAX_KEY_LENGTH: Final = 108
KEY_SECONDS: Final = 6 * 3600.0


@frozen
class Call:
    """A request with its key; a key is unique for each kind of call."""

    kind: str
    path: str
    body: Any
    key: str | None


@define
class _Slot:
    path: str
    body: Any
    at: float
    result: Result | None = None


@define
class RequestIds:
    """The result of each request that succeeded; a failed one does not use its key."""

    slots: dict[tuple[str, str], _Slot] = field(factory=dict)

    async def once(
        self,
        call: Call,
        now: float,
        execute: Callable[[], Result],
        around: Callable[[Operation], Operation],
    ) -> Reply:
        """Execute a request, or show the latest state of what it did before."""
        if call.key is None:
            return await around(_replying(execute))()
        if not 1 <= len(call.key) <= MAX_KEY_LENGTH:
            raise failed("INVALID_STRING_LENGTH", "PayPal-Request-Id", location="header")
        name = (call.kind, call.key)
        slot = self.slots.get(name)
        if slot is not None and (slot.result is None or now < slot.at + KEY_SECONDS):
            return _repeated(call, slot)
        slot = self.slots[name] = _Slot(call.path, call.body, now)

        def keep() -> Result:
            slot.result = execute()
            return slot.result

        try:
            return await around(_replying(keep))()
        finally:
            if slot.result is None and self.slots.get(name) is slot:
                del self.slots[name]

    def forget(self, key: str | None = None) -> int:
        """Expire a key, or all; a request in progress keeps its key. Return how many expired."""
        expired = [
            name for name, slot in self.slots.items() if slot.result and key in (None, name[1])
        ]
        for name in expired:
            del self.slots[name]
        return len(expired)


def _replying(execute: Callable[[], Result]) -> Operation:
    async def reply() -> Reply:
        return execute().reply()

    return reply


def _repeated(call: Call, slot: _Slot) -> Reply:
    if (slot.path, slot.body) != (call.path, call.body):
        raise request_id_reused()
    if slot.result is None:
        raise failed("PREVIOUS_REQUEST_IN_PROGRESS")
    return slot.result.reply(repeated=True)
