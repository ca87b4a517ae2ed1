"""Classify every error of PostgreSQL and of its driver, in one place.

The codes are those of https://www.postgresql.org/docs/current/errcodes-appendix.html; a test
compares the table below with the complete list.
"""

import logging
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import Enum, auto
from types import TracebackType
from typing import Final

import asyncpg
from sqlalchemy import exc as sa

from application.ports.unit_of_work import StorageUnavailable

logger = logging.getLogger(__name__)


class Fault(Enum):
    """What an error says, and so what is done about it."""

    CONFLICT = auto()
    """Another process was faster: nothing was written, decide again."""
    LOST = auto()
    """The connection ended or cannot be used again; the statement may have been executed."""
    READ_ONLY = auto()
    """The server does not write (any more): the other connections lead to the same server."""
    UNAVAILABLE = auto()
    """The server cannot do it now; it can later, without a change of ours."""
    REFUSED = auto()
    """The server will not do it until a person changes a setting, a right or the schema."""
    VALUES = auto()
    """The values of this statement are the problem: others succeed. It is a bug, or the content of
    one event."""


class ConnectionFailed(OSError):
    """No connection could be opened; the text is one line."""


REJECTED_TLS: Final = "rejected SSL"
"""In the text of the driver's ConnectionError; it has no class for it."""


# A code, or else its class, which is its first two characters.
FAULTS: Final[Mapping[str, Fault]] = {
    "00": Fault.UNAVAILABLE,  # success, warnings, no data: never an error of a statement
    "01": Fault.UNAVAILABLE,
    "02": Fault.UNAVAILABLE,
    "03": Fault.LOST,  # the statement is not complete yet
    "08": Fault.LOST,  # connection exceptions
    "09": Fault.REFUSED,  # a trigger, which is not ours
    "0A": Fault.REFUSED,  # the server lacks a feature
    "0B": Fault.LOST,  # a transaction cannot begin
    "0F": Fault.REFUSED,
    "0L": Fault.REFUSED,  # grantors and roles
    "0P": Fault.REFUSED,
    "0Z": Fault.REFUSED,
    "10": Fault.REFUSED,
    "20": Fault.REFUSED,
    "21": Fault.VALUES,  # more rows than expected
    "22": Fault.VALUES,  # data exceptions
    "23": Fault.VALUES,  # integrity constraints
    "23505": Fault.CONFLICT,  # unique violation
    "23P01": Fault.CONFLICT,  # exclusion violation
    "24": Fault.LOST,  # a cursor in the wrong state
    "25": Fault.LOST,  # a transaction in the wrong state
    "25006": Fault.READ_ONLY,
    "26": Fault.REFUSED,  # an unknown prepared statement: see NAMED_STATEMENTS
    "27": Fault.REFUSED,
    "28": Fault.REFUSED,  # invalid authorization
    "2B": Fault.REFUSED,
    "2D": Fault.LOST,  # a transaction cannot end
    "2F": Fault.REFUSED,  # a function, which is not ours
    "34": Fault.LOST,  # an unknown cursor
    "38": Fault.REFUSED,
    "39": Fault.REFUSED,
    "3B": Fault.LOST,  # a savepoint
    "3D": Fault.REFUSED,  # unknown database
    "3F": Fault.REFUSED,  # unknown schema
    "40": Fault.CONFLICT,  # serialization failure (also raised by our own guard), deadlock
    "40003": Fault.LOST,  # statement completion unknown
    "42": Fault.REFUSED,  # rights, unknown tables, types that do not fit our statements
    "44": Fault.VALUES,  # the check option of a view
    "53": Fault.UNAVAILABLE,  # out of connections, memory or disk
    "54": Fault.VALUES,  # a program limit, such as the size of an index entry
    "55": Fault.UNAVAILABLE,  # not in the required state; lock not available
    "57": Fault.UNAVAILABLE,  # an operator intervened, or a timeout
    "57P01": Fault.LOST,  # shutdown, crash, starting up
    "57P02": Fault.LOST,
    "57P03": Fault.LOST,
    "57P04": Fault.REFUSED,  # the database was dropped
    "57P05": Fault.LOST,  # idle session timeout
    "58": Fault.UNAVAILABLE,  # system errors
    "72": Fault.UNAVAILABLE,  # the snapshot is too old
    "F0": Fault.REFUSED,  # the server's configuration files
    "HV": Fault.REFUSED,  # foreign data wrappers
    "P0": Fault.REFUSED,  # an exception raised by a trigger or function
    "XX": Fault.UNAVAILABLE,  # internal errors, corruption
}

# Unknown or ambiguous tables, columns and functions, and types that do not fit.
NOT_MIGRATED: Final = ("42P01", "42703", "42883", "3F")

# A prepared statement that does not exist, or exists already, belongs to another connection: a
# connection pooler switches servers between transactions.
NAMED_STATEMENTS: Final = ("26", "42P05")

_HINTS: Final[Mapping[tuple[str, ...], str]] = {
    NOT_MIGRATED: "the schema is older than this program: run `payments migrate`",
    NAMED_STATEMENTS: (
        "a connection pooler does not keep prepared statements: set DATABASE_PREPARED=off"
    ),
}

# Hints that follow the server's own message, which says what is missing.
_ADDITIONS: Final[Mapping[str, str]] = {
    "42501": ": `payments doctor` names every missing right",
    "25006": ": the server is a standby or was made read-only",
}


def sqlstate(error: BaseException) -> str:
    """Return the code of an error; empty if the server did not report one."""
    return getattr(_driver_error(error), "sqlstate", None) or ""


def fault_of(error: BaseException) -> Fault | None:
    """Return what an error of the driver or of SQLAlchemy means; None for any other exception."""
    cause = _driver_error(error)
    match cause:
        case asyncpg.ClientConfigurationError():
            return Fault.REFUSED
        case asyncpg.PostgresError():
            return _fault_of_code(sqlstate(cause), cause)
        case asyncpg.UnsupportedClientFeatureError() | asyncpg.UnsupportedServerFeatureError():
            return Fault.REFUSED
        case asyncpg.InterfaceError() if isinstance(cause, ValueError):
            return Fault.VALUES  # the driver could not encode a value
        case asyncpg.TargetServerAttributeNotMatched():
            return Fault.READ_ONLY
        case TimeoutError():
            return Fault.UNAVAILABLE  # the reply may still arrive
        case OSError() | EOFError() | asyncpg.InternalClientError() | asyncpg.InterfaceError():
            return Fault.LOST
        case sa.TimeoutError() | sa.DBAPIError() | sa.DisconnectionError():
            return Fault.UNAVAILABLE
        case _:
            return None


def _fault_of_code(code: str, error: BaseException) -> Fault:
    fault = FAULTS.get(code) or FAULTS.get(code[:2])
    if fault is None:
        # A newer server, or a program between us and the server. It must not be taken for a
        # problem of one request or event.
        logger.warning("unknown error code of the database: %s", reason_of(error))
        return Fault.UNAVAILABLE
    return fault


def is_known_code(code: str) -> bool:
    """Whether the table has this code or its class; no code is known, too."""
    return not code or code in FAULTS or code[:2] in FAULTS


def translating_errors() -> AbstractContextManager[None]:
    """Translate errors of the driver to the port's errors; others, such as bugs, are unchanged.

    Raises:
        StorageUnavailable: the database cannot be reached, not in time, or refuses.
    """
    return _TRANSLATING


class _Translating(AbstractContextManager[None]):
    """A class, because a generator takes several times as long, and every statement has one."""

    __slots__ = ()

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception):
            return
        fault = fault_of(error)
        if fault is not None and fault is not Fault.VALUES:
            raise StorageUnavailable(reason_of(error)) from error


_TRANSLATING: Final = _Translating()


def reason_of(error: BaseException) -> str:
    """Return one line for logs, without the statement (long) and its values (private)."""
    cause = _driver_error(error)
    code = sqlstate(cause)
    for codes, hint in _HINTS.items():
        if code.startswith(codes):
            return hint
    if isinstance(cause, TimeoutError):
        return "no reply within the timeout"
    lines = str(cause).splitlines()
    if isinstance(cause, ConnectionFailed):
        return lines[0]
    return f"{type(cause).__name__}: {lines[0] if lines else 'no text'}{_ADDITIONS.get(code, '')}"


def connection_failure(host: object, error: Exception) -> Exception:
    """Return what is raised if a host gives no connection: an error that names it, in one line.

    What the server itself says stays as it is.
    """
    if not isinstance(error, OSError) or isinstance(error, ConnectionFailed):
        return error
    return ConnectionFailed(f"{host}: {_connection_problem(error)}")


def _connection_problem(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no reply within the timeout"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}: see sslrootcert"
    if isinstance(error, socket.gaierror):
        return f"the name of the host is not found ({error.strerror})"
    if error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno).lower()
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return "the server has no TLS: see sslmode" if REJECTED_TLS in text else text


def _driver_error(error: BaseException) -> BaseException:
    """Return asyncpg's error, which SQLAlchemy wraps in migrations."""
    if isinstance(error, sa.DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    if isinstance(error, sa.EmulatedDBAPIException):
        return error.__cause__ or error
    return error
