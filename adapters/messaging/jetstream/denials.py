"""Denials: NATS reports a missing permission apart from the request, which then has no reply."""

import asyncio
import re
from collections.abc import Awaitable, Collection
from typing import Any, Final, TypeVar

from attrs import define, field

from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnsuitable

Result = TypeVar("Result")

_DENIAL: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"', re.I)

_ACK: Final = re.compile(r"(\$js\.ack\.[^.]+\.[^.]+)\..*", re.I)


def missing_permission(action: str, subject: str) -> BrokerUnsuitable:
    """Return the error for a permission that our user lacks."""
    verb = "publish" if action.lower() == "publish" else "subscribe"
    return BrokerUnsuitable(
        AlertKind.PERMISSION_MISSING, subject, f"our NATS user may not {verb} to {subject}"
    )


@define
class Denials:
    """The denials of one connection, given to those who wait for a reply."""

    _waiting: dict[str, list["asyncio.Future[BrokerUnsuitable]"]] = field(factory=dict)
    _acknowledgements: set[str] = field(factory=set)

    def record(self, error: Exception) -> BrokerUnsuitable | None:
        """Return the denial that the server reported by this error; None if it is another error."""
        found = _DENIAL.search(str(error))
        if found is None:
            return None
        action, subject = found.groups()
        if acknowledgement := _ACK.fullmatch(subject):
            self._acknowledgements.add(acknowledgement.group(1).lower())
            return missing_permission(action, f"{acknowledgement.group(1)}.>")
        # Without replies, no request of any subject can succeed.
        is_inbox = action.lower() == "subscription"
        denial = missing_permission(action, "_INBOX.>" if is_inbox else subject)
        for watched, futures in self._waiting.items():
            if is_inbox or watched == subject.lower():
                for future in futures:
                    if not future.done():
                        future.set_result(denial)
        return denial

    def take_acknowledgement(self, stream: str, consumer: str) -> BrokerUnsuitable | None:
        """Return the denial of acknowledgements of a consumer, once for each that was reported."""
        subject = f"$JS.ACK.{stream}.{consumer}"
        if subject.lower() not in self._acknowledgements:
            return None
        self._acknowledgements.discard(subject.lower())
        return missing_permission("publish", f"{subject}.>")

    async def watch(self, subjects: Collection[str], work: Awaitable[Result]) -> Result:
        """Wait for work that publishes to these subjects.

        Raises:
            BrokerUnsuitable: the server denies one of them; the work is cancelled.
        """
        denied: asyncio.Future[BrokerUnsuitable] = asyncio.get_running_loop().create_future()
        names = {subject.lower(): subject for subject in subjects}
        for name in names:
            self._waiting.setdefault(name, []).append(denied)
        task = asyncio.ensure_future(work)
        try:
            either: list[asyncio.Future[Any]] = [task, denied]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            denial = denied.result()
            # The server reports the subject in lower case.
            name = names.get(denial.subject.lower(), denial.subject)
            raise missing_permission("publish", name) if name in subjects else denial
        finally:
            task.cancel()
            for each in names:
                self._waiting[each].remove(denied)
                if not self._waiting[each]:
                    del self._waiting[each]
