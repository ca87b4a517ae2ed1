"""Files that are written whole or not at all, and CSV that a spreadsheet does not execute."""

import csv
import errno
import io
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import click
from attrs import frozen

from entrypoints.cli.running import fail

STANDARD_OUTPUT: Final = "-"

# What is kept in memory of a standard output that is not complete yet.
_SPOOLED: Final = 1024 * 1024

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}

# What ends a program at once, other than Ctrl-C: `kill`, and a terminal that was closed.
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)

# What makes a spreadsheet take a text for a formula, as
# https://owasp.org/www-community/attacks/CSV_Injection lists it, and the mark itself.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
_MARK: Final = "'"


@frozen
class CsvFile:
    """Writes rows of CSV (RFC 4180), with a line feed after each."""

    file: IO[str]

    def write_row(self, row: Iterable[object]) -> None:
        """Write a row."""
        # With another line end, the library does not quote a carriage return.
        line = io.StringIO()
        csv.writer(line).writerow(row)
        self.file.write(line.getvalue().removesuffix("\r\n") + "\n")


def cell(text: str | None) -> str:
    """Return a text from outside as a cell that no spreadsheet takes for a formula.

    Only a text that begins like a formula, or with the mark, gets the mark `'` before it: ids do
    not, and removing one leading mark restores any text.
    """
    text = text or ""
    return f"{_MARK}{text}" if text.startswith(_FORMULAS) else text


@contextmanager
def written(target: str) -> Iterator[IO[str]]:
    """Yield a file that replaces the target at the end, and is discarded after an error.

    `-` is the standard output. What is no ordinary file, such as a pipe, is written to at the end.
    """
    path = Path(os.path.realpath(target))
    if target == STANDARD_OUTPUT or (path.exists() and not path.is_file()):
        with _spooled(None if target == STANDARD_OUTPUT else path) as file:
            yield file
        return
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with _removed_by_signals(part):
            with _opened(part, target) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        fail(f"{target} cannot be written: {error.strerror}; nothing was written")
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def _removed_by_signals(part: Path) -> Iterator[None]:
    """Remove a file also if a signal ends the program, which executes no `finally` then."""

    def end(number: int, _frame: object) -> None:
        with suppress(OSError):
            part.unlink()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    ours = [each for each in _ENDING if signal.getsignal(each) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []  # only the main thread may set handlers
    for each in ours:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def _opened(part: Path, target: str) -> IO[str]:
    try:
        return part.open("x", encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{target} cannot be written: {error.strerror}")


@contextmanager
def _spooled(path: Path | None) -> Iterator[IO[str]]:
    with tempfile.SpooledTemporaryFile(_SPOOLED, "w+", encoding="utf-8", newline="") as spool:
        yield spool
        spool.seek(0)
        if path is None:
            try:
                while chunk := spool.read(_SPOOLED):
                    click.echo(chunk.encode(), nl=False)
            except OSError as error:
                if error.errno not in _NO_ROOM:  # click ends quietly if nobody reads any more
                    raise
                fail(f"standard output cannot be written: {error.strerror}")
            return
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                shutil.copyfileobj(spool, file)
        except OSError as error:
            fail(f"{path} cannot be written: {error.strerror}")
