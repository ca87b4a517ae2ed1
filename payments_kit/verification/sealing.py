"""Seal: each line ends with a hash of itself and the hash of the line before it."""

import hashlib
import re
from typing import Final

from attrs import define

_BEGIN: Final = "0" * 64
_HASHED: Final = re.compile(rb'(\{.*),"hash":"([0-9a-f]{64})"\}', re.DOTALL)


class WrongHash(Exception):
    """The text says what is wrong with the hash of a line."""


@define
class Seal:
    """The chain of hashes, from the first line on."""

    _last: str = _BEGIN

    def add(self, line: bytes) -> bytes:
        """Return a line with its hash."""
        self._last = _digest(self._last, line)
        return b'%b,"hash":"%b"}' % (line.removesuffix(b"}"), self._last.encode())

    def check(self, line: bytes) -> bytes:
        """Return a line without its hash.

        Raises:
            WrongHash: it does not follow the line before it, or was changed.
        """
        found = _HASHED.fullmatch(line)
        if found is None:
            raise WrongHash('it does not end with `,"hash":"…"}`: it was changed or cut off')
        content = found[1] + b"}"
        digest = _digest(self._last, content)
        if digest != found[2].decode():
            raise WrongHash(
                "its hash is not that of it and the line before it:"
                " it was changed, or a line was added, dropped or moved"
            )
        self._last = digest
        return content


def _digest(before: str, line: bytes) -> str:
    return hashlib.sha256(before.encode() + line).hexdigest()
