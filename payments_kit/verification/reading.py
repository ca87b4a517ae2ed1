"""Read a file: its lines, and the first one that is not as an export writes it."""

from collections import Counter
from collections.abc import Iterator
from typing import IO, Final

import msgspec
from attrs import define, field, frozen

from payments_kit.verification.lines import (
    FORMAT,
    KINDS,
    VERSION,
    AnyLine,
    End,
    Header,
    Message,
    decode,
)
from payments_kit.verification.sealing import Seal, WrongHash

MAX_LINE: Final = 64 * 1024 * 1024
"""Bytes of a line: as many as a line of an order's history may have (domain/audit_file.py)."""

_MAX_WORDS: Final = 200
"""Characters of what a library says about a line; it may quote some of it."""


@frozen
class BadFile(Exception):
    """The file cannot be judged."""

    number: int
    """Of the line, from 1."""
    problem: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.problem}"


class _Kind(msgspec.Struct):
    kind: str = ""


_HEADER: Final = msgspec.json.Decoder(Header)
_KIND: Final = msgspec.json.Decoder(_Kind)


@define
class HistoryFile:
    """A file that is being read."""

    _opened: IO[bytes]
    number: int = 0
    """Of the line that was read last."""
    unknown: Counter[str] = field(factory=Counter)
    """How many lines of each kind a later version has written, which this one cannot judge."""
    _seal: Seal | None = field(factory=Seal)

    def header(self) -> Header:
        """Return the first line.

        Raises:
            BadFile: it is not the header of a file that can be judged.
        """
        line = self._next()
        if line is None:
            raise BadFile(1, "the file is empty")
        try:
            header = _HEADER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._bad(f"it is not the header of a history file: {_short(error)}") from None
        if header.format != FORMAT:
            raise self._bad(f"its format is {header.format[:40]!a}, not {FORMAT!r}")
        if header.version != VERSION:
            problem = f"the file has version {header.version}, this program reads {VERSION}"
            raise self._bad(problem)
        if header.until <= header.since:
            raise self._bad("its period ends before it begins")
        if header.sealed:
            self._unsealed(line)
        else:
            self._seal = None
        return header

    def __iter__(self) -> Iterator[tuple[int, AnyLine, bytes]]:
        """Yield each line between the header and the end, with its number and its JSON.

        Raises:
            BadFile: the first line that is not right.
        """
        while (raw := self._next()) is not None:
            line = raw if self._seal is None else self._unsealed(raw)
            found = self._read(line)
            if isinstance(found, End):
                self._check_end(found)
                return
            if found is not None:
                yield self.number, found, line
        self.number += 1
        raise self._bad("it is missing: the file ends with a line of kind `end`, so it was cut off")

    def _next(self) -> bytes | None:
        line = self._opened.readline(MAX_LINE + 2)
        if not line:
            return None
        self.number += 1
        if len(line) > MAX_LINE + 1:
            raise self._bad(f"it has more than {MAX_LINE} bytes")
        return line.removesuffix(b"\n")

    def _unsealed(self, line: bytes) -> bytes:
        assert self._seal is not None  # noqa: S101 - only called for a sealed file
        try:
            return self._seal.check(line)
        except WrongHash as wrong:
            raise self._bad(str(wrong)) from None

    def _read(self, line: bytes) -> AnyLine | None:
        """Return a line; None if its kind is unknown."""
        try:
            found = decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            kind = self._kind(line)
            if kind in KINDS:
                raise self._bad(f"it is not a valid `{kind}`: {_short(error)}") from None
            self.unknown[kind[:40]] += 1
            return None
        if isinstance(found, Header):
            raise self._bad("it is another header: two files were joined")
        if isinstance(found, Message):
            self._check_content(found)
        return found

    def _kind(self, line: bytes) -> str:
        try:
            kind = _KIND.decode(line).kind
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._bad(f"it is not a JSON object: {_short(error)}") from None
        if not kind:
            raise self._bad("it has no `kind`")
        return kind

    def _check_content(self, message: Message) -> None:
        try:
            content = message.content
        except ValueError:
            raise self._bad("its `data` is not base64") from None
        if not content and message.data is None:
            raise self._bad("it has neither `body` nor `data`")

    def _check_end(self, end: End) -> None:
        if end.lines != self.number - 1:
            before = self.number - 1
            raise self._bad(
                f"it says that {end.lines} lines are before it, there are {before}:"
                " lines were added or dropped"
            )
        if self._opened.readline(1):
            self.number += 1
            raise self._bad("it follows the last line of the file: it was added")

    def _bad(self, problem: str) -> BadFile:
        return BadFile(self.number, problem)


def _short(error: Exception) -> str:
    return ascii(str(error))[1:-1][:_MAX_WORDS]
