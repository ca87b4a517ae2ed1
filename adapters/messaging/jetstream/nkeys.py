"""NKeys: the Ed25519 keys of NATS users (https://github.com/nats-io/nkeys).

A seed or public key is base32 text of a prefix, 32 bytes of key, and a CRC-16. The `nkeys` package
would do the same with a second library of cryptography.
"""

import base64
import binascii
from typing import Final, Self

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SEED: Final = 18 << 3  # the letter S
_USER: Final = 20 << 3  # the letter U
# A seed begins with the bits of both letters.
_SEED_OF_USER: Final = bytes([_SEED | (_USER >> 5), (_USER & 31) << 3])

_CRC_BYTES: Final = 2


class InvalidSeed(ValueError):
    """The text is not the seed of a user's key."""


@frozen
class UserKey:
    """A user's key, which signs the nonce of a server."""

    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """Read a seed, `SU…`.

        Raises:
            InvalidSeed: it is not one.
        """
        text = seed.strip()
        try:
            raw = base64.b32decode(text + "=" * (-len(text) % 8))
        except ValueError:
            raise InvalidSeed("not base32 text") from None
        content, checksum = raw[:-_CRC_BYTES], raw[-_CRC_BYTES:]
        if len(content) != len(_SEED_OF_USER) + 32 or checksum != _checksum(content):
            raise InvalidSeed("a character is wrong or missing")
        if not content.startswith(_SEED_OF_USER):
            raise InvalidSeed("not the seed of a user (SU…)")
        return cls(Ed25519PrivateKey.from_private_bytes(content[len(_SEED_OF_USER) :]))

    @property
    def public(self) -> str:
        """The public key, `U…`."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        content = bytes([_USER]) + raw
        return base64.b32encode(content + _checksum(content)).rstrip(b"=").decode()

    def sign(self, nonce: str) -> bytes:
        """Return the signature of a nonce, in base64."""
        return base64.b64encode(self._key.sign(nonce.encode()))


def _checksum(content: bytes) -> bytes:
    return binascii.crc_hqx(content, 0).to_bytes(_CRC_BYTES, "little")
