"""The signatures of PayPal's webhooks.

https://developer.paypal.com/api/rest/webhooks/rest/#link-verifysignature
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from application.ports.gateway_notifications import InvalidNotification, RefusedBecause

ALGORITHM: Final = "SHA256withRSA"
"""The only algorithm that PayPal documents."""

MAX_AGE: Final = timedelta(days=3, hours=1)
"""How old a notification may be: PayPal repeats it for three days, and does not say whether it
signs it again (https://developer.paypal.com/api/rest/webhooks/rest/#link-messagedelivery). What is
repeated in this time has no effect, because its id is known."""

MAX_AHEAD: Final = timedelta(minutes=5)
"""How far ahead of the database's clock it may be, as with Stripe."""

# RSA keys have 2048 to 4096 bits.
_MAX_SIGNATURE: Final = 1024

_TRANSMISSION: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


@frozen
class Transmission:
    """What the headers of a notification say; it is not verified yet."""

    id: str
    time: str
    sent_at: datetime
    signature: bytes
    certificate: str
    """The address of the certificate."""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Transmission":
        """Read the headers, whose names are in lower case.

        Raises:
            InvalidNotification: one is missing, or cannot be read.
        """
        values = {name: headers.get(f"paypal-{name}", "") for name in _HEADERS}
        if missing := [name for name, value in values.items() if not value]:
            raise InvalidNotification(
                f"the header PAYPAL-{missing[0].upper()} is missing", RefusedBecause.UNSIGNED
            )
        if values["auth-algo"] != ALGORITHM:
            raise _wrong(f"the algorithm is not {ALGORITHM}")
        try:
            signature = base64.b64decode(values["transmission-sig"][:_MAX_SIGNATURE], validate=True)
            sent_at = datetime.fromisoformat(values["transmission-time"][:64])
            if sent_at.tzinfo is None:
                raise ValueError
            sent_at = sent_at.astimezone(UTC)
        except (ValueError, OverflowError, binascii.Error):
            raise _wrong("the signature or its time cannot be read") from None
        if not _TRANSMISSION.fullmatch(values["transmission-id"]):
            raise _wrong("the transmission's id cannot be read")
        return cls(
            id=values["transmission-id"],
            time=values["transmission-time"],
            sent_at=sent_at,
            signature=signature,
            certificate=values["cert-url"],
        )

    def check_time(self, now: datetime) -> None:
        """Check when it was sent, by the database's clock: that of this host may be wrong.

        Raises:
            InvalidNotification: too long ago, or in the future.
        """
        age = now - self.sent_at
        if not -MAX_AHEAD <= age <= MAX_AGE:
            direction = "old" if age > timedelta() else "in the future"
            raise InvalidNotification(
                f"the notification is {abs(age).total_seconds():.0f} s {direction} by the"
                " database's clock",
                RefusedBecause.WRONG_TIME,
            )

    def verify(self, body: bytes, webhook_id: str, key: RSAPublicKey) -> None:
        """Check the signature.

        Raises:
            InvalidNotification: it is wrong.
        """
        signed = f"{self.id}|{self.time}|{webhook_id}|{zlib.crc32(body)}".encode()
        try:
            key.verify(self.signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise _wrong("the signature does not match: is PAYPAL_WEBHOOK_ID right?") from None


_HEADERS: Final = (
    *("auth-algo", "cert-url", "transmission-id", "transmission-sig", "transmission-time"),
)


def _wrong(reason: str) -> InvalidNotification:
    return InvalidNotification(reason, RefusedBecause.WRONG_SIGNATURE)
