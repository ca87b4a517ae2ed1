"""KeepNotification: keep what was verified and cannot be used, and read it again later."""

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

from attrs import frozen

from application.ports.gateway_notifications import (
    Notification,
    NotificationReader,
    UnusableNotification,
)
from application.ports.gateways import AtAnotherGateway
from application.ports.payment_gateway import GatewayUnavailable, LookupRefused
from application.ports.unit_of_work import StorageUnavailable
from application.ports.unusable_notifications import KeptNotification, UnusableNotifications
from application.use_cases.find_lost_payment import LostPayment
from application.use_cases.receive_notification import ReceiveNotification

logger = logging.getLogger(__name__)

# A notification has at most 1 MiB.
PAGE: Final = 20


@frozen
class KeepNotification:
    """Receive a verified notification; keep it if it cannot be used, so that none is lost."""

    receive: ReceiveNotification
    kept: UnusableNotifications

    async def __call__(self, gateway: str, notification: Notification, body: bytes) -> bool:
        """Apply a notification of a gateway, or keep its body.

        Returns whether it was applied and new.

        Raises:
            StorageUnavailable, GatewayUnavailable: nothing is known to be written; the gateway
                sends it again.
        """
        if isinstance(notification, UnusableNotification):
            await self._keep(gateway, notification.id, notification.reason, body)
            if notification.payment_id is not None:
                with suppress(LostPayment, LookupRefused):  # an alert tells it
                    await self.receive.check_soon(notification.payment_id, notification.claimed)
            return False
        try:
            return await self.receive(gateway, notification)
        except (StorageUnavailable, GatewayUnavailable):
            raise
        except (LostPayment, LookupRefused, AtAnotherGateway) as error:  # an operator is told
            await self._keep(gateway, notification.id, _failed(error), body)
            return False
        except Exception as error:
            logger.exception("notification %s could not be applied", notification.id)
            await self._keep(gateway, notification.id, _failed(error), body)
            return False

    async def _keep(self, gateway: str, notification_id: str, reason: str, body: bytes) -> None:
        logger.warning("notification %s is kept: %s", notification_id, reason)
        await self.kept.keep(gateway, notification_id, reason, body)


@frozen
class ReplayNotifications:
    """Read kept notifications again: a newer version may understand them."""

    receive: ReceiveNotification
    kept: UnusableNotifications

    async def run_once(
        self, readers: Mapping[str, NotificationReader], numbers: Collection[int] | None = None
    ) -> set[int]:
        """Read these notifications again, or all; return the numbers of those that were used.

        `readers` are those of the gateways, by name; what another one has sent stays.

        A notification that is proved not to be about anything of ours counts as used.

        Raises:
            StorageUnavailable: the database cannot be reached; the rest is read next time.
        """
        used, after = set[int](), 0
        while page := await self.kept.list(PAGE, after):
            for each in page:
                reader = readers.get(each.gateway)
                if reader is not None and (numbers is None or each.id in numbers):
                    used |= {each.id} if await self._replay(reader, each) else set()
            after = page[-1].id
        return used

    async def _replay(self, reader: NotificationReader, kept: KeptNotification) -> bool:
        notification = reader.read_verified(kept.body)
        if isinstance(notification, UnusableNotification):
            await self.kept.record_attempt(kept.id, notification.reason)
            return False
        try:
            await self.receive(kept.gateway, notification)
        except StorageUnavailable:
            raise
        except GatewayUnavailable as unavailable:
            logger.info("notification %s is read again later: %s", notification.id, unavailable)
            return False
        except (LostPayment, LookupRefused, AtAnotherGateway) as error:  # an operator is told
            await self.kept.record_attempt(kept.id, _failed(error))
            return False
        except Exception as error:
            logger.exception("notification %s could not be applied", notification.id)
            await self.kept.record_attempt(kept.id, _failed(error))
            return False
        await self.kept.remove([kept.id])
        logger.info("kept notification %d (%s) was used", kept.id, kept.notification_id)
        return True


def _failed(error: Exception) -> str:
    """Return a reason without the text of an unexpected error: it may quote the notification."""
    if isinstance(error, LostPayment | AtAnotherGateway):
        return str(error)
    return f"it could not be applied: {type(error).__name__}"
