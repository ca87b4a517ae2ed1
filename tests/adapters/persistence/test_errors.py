"""Every error that PostgreSQL and its driver can report is classified."""

import logging
import socket
import ssl
from collections.abc import Collection

import asyncpg
import pytest
from sqlalchemy import exc as sa

from adapters.persistence.sql.errors import (
    FAULTS,
    NAMED_STATEMENTS,
    NOT_MIGRATED,
    Fault,
    fault_of,
    reason_of,
    translating_errors,
)
from application.ports.unit_of_work import StorageUnavailable

# asyncpg generates one class for each code of PostgreSQL's errcodes.txt.
SERVER_ERRORS = {
    each.sqlstate: each
    for each in vars(asyncpg.exceptions).values()
    if isinstance(each, type) and issubclass(each, asyncpg.PostgresError) and each.sqlstate
}


def codes(*faults: Fault) -> set[str]:
    return {code for code, error in SERVER_ERRORS.items() if fault_of(error("text")) in faults}


def beginning(prefixes: Collection[str]) -> set[str]:
    return {code for code in SERVER_ERRORS if code.startswith(tuple(prefixes))}


def test_every_class_of_codes_is_in_the_table() -> None:
    assert len(SERVER_ERRORS) > 200
    assert {code[:2] for code in SERVER_ERRORS} <= set(FAULTS)
    # A typing error in the table would be an entry that no code uses.
    entries = {code for code in FAULTS if len(code) == 5}
    assert entries <= set(SERVER_ERRORS)


def test_only_the_values_of_a_statement_are_its_own_fault() -> None:
    conflicts = {"23505", "23P01"}
    assert codes(Fault.VALUES) == beginning({"21", "22", "23", "44", "54"}) - conflicts


def test_a_conflict_is_decided_again() -> None:
    assert codes(Fault.CONFLICT) == (beginning({"40"}) - {"40003"}) | {"23505", "23P01"}


@pytest.mark.parametrize(
    "code",
    [
        *("08000", "08001", "08003", "08004", "08006", "08P01"),  # connection exceptions
        *("57P01", "57P02", "57P03", "57P05"),  # shutdown, crash, starting up, idle too long
        *("25P02", "25P03"),  # in a failed transaction, idle in a transaction for too long
        "40003",  # nobody knows whether the statement was completed
    ],
)
def test_a_connection_that_cannot_be_used_again_is_lost(code: str) -> None:
    assert fault_of(SERVER_ERRORS[code]("text")) is Fault.LOST


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "55P03", "57014", "58030", "XX000"])
def test_a_server_in_trouble_is_unavailable(code: str) -> None:
    assert fault_of(SERVER_ERRORS[code]("text")) is Fault.UNAVAILABLE


@pytest.mark.parametrize("code", ["0A000", "28000", "28P01", "3D000", "3F000", "42501", "42P01"])
def test_a_server_that_refuses_is_no_fault_of_the_statement(code: str) -> None:
    assert fault_of(SERVER_ERRORS[code]("text")) is Fault.REFUSED


@pytest.mark.parametrize("code", sorted(SERVER_ERRORS))
def test_every_error_of_the_server_is_the_ports_error_or_about_values(code: str) -> None:
    error = SERVER_ERRORS[code]("text\nsecond line")
    expected = type(error) if fault_of(error) is Fault.VALUES else StorageUnavailable
    with pytest.raises(expected), translating_errors():
        raise error
    assert len(reason_of(error).splitlines()) == 1


def test_an_unknown_code_is_unavailable_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class NewError(asyncpg.PostgresError):
        sqlstate = "ZZ001"

    with caplog.at_level(logging.WARNING):
        assert fault_of(NewError("a new problem")) is Fault.UNAVAILABLE
    assert "a new problem" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        ConnectionResetError(104, "reset"),
        BrokenPipeError(32, "pipe"),
        OSError("Multiple exceptions"),
        socket.gaierror(-2, "Name or service not known"),
        ssl.SSLCertVerificationError("certificate verify failed"),
        TimeoutError(),
        EOFError("0 bytes read"),
        asyncpg.InterfaceError("cannot perform operation: connection is closed"),
        asyncpg.InternalClientError("got result for unknown protocol state 5"),
        asyncpg.exceptions.ProtocolError("unexpected message"),
        asyncpg.exceptions.OutdatedSchemaCacheError("outdated"),
        asyncpg.ClientConfigurationError("wrong"),
        asyncpg.UnsupportedServerFeatureError("GSS"),
        asyncpg.UnsupportedClientFeatureError("SSPI"),
        asyncpg.exceptions.TargetServerAttributeNotMatched("standby"),
        asyncpg.exceptions.UnknownPostgresError("no code"),
        sa.TimeoutError("pool"),
        sa.DisconnectionError(),
        sa.DBAPIError("select", {}, asyncpg.ConnectionDoesNotExistError("closed")),
    ],
    ids=repr,
)
def test_every_other_error_of_the_driver_is_the_ports_error(error: Exception) -> None:
    with pytest.raises(StorageUnavailable) as raised, translating_errors():
        raise error
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("error", [ValueError("bug"), asyncpg.exceptions._base.DataError("long")])
def test_a_bug_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), translating_errors():
        raise error


def test_hints_say_what_to_do() -> None:
    hints = {code: reason_of(error("text")) for code, error in SERVER_ERRORS.items()}
    migrate = {code for code, hint in hints.items() if "payments migrate" in hint}
    assert migrate == beginning(NOT_MIGRATED)
    unprepared = {code for code, hint in hints.items() if "DATABASE_PREPARED" in hint}
    assert unprepared == beginning(NAMED_STATEMENTS)
    assert "doctor" in hints["42501"]
