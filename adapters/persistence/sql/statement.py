"""A statement of the service, compiled once, and what numbers its executions in a group."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Integer,
    Text,
    bindparam,
    func,
    literal_column,
    make_url,
    select,
    true,
)
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT: Final = make_url("postgresql+asyncpg://").get_dialect()()

Rows = Sequence[tuple[Any, ...]]
"""The rows that a statement returns."""

_NUMBER: Final = "number_in_group"
_LOCK_TIMEOUT: Final = "lock_timeout"

NUMBER_IN_GROUP: Final = bindparam(_NUMBER, type_=Integer).label(_NUMBER)
"""The last column of a statement that may be executed in a group: whose row it is."""

WITHIN_LOCK_TIMEOUT: Final[ColumnElement[bool]] = (
    select(
        func.set_config(
            literal_column("'lock_timeout'"), bindparam(_LOCK_TIMEOUT, type_=Text), true()
        )
    )
    .scalar_subquery()
    .is_not(None)
)
"""A condition that is always true, for the row that is locked first; PostgreSQL evaluates it before
it locks the row. It limits how long this transaction waits for each lock, without a round trip and
without a setting of the connection, which a pooler would pass on to others."""

# How long a group waits for a lock: others hold one for a commit, some milliseconds. If a lock
# is held for longer, such as by a person at a console, the others of the group must not wait.
_GROUP_LOCK_TIMEOUT: Final = "500ms"

ALONE: Final[Mapping[str, Any]] = {_NUMBER: 0, _LOCK_TIMEOUT: None}
"""The parameters of a statement that is executed alone: the connection's own setting counts then,
such as that of the role."""


@frozen(eq=False)
class Statement:
    """A statement that is compiled once, so that running it costs only its round trip."""

    text: str
    names: tuple[str, ...]
    number: int | None = None
    """The position of the parameter NUMBER_IN_GROUP; None if it is always executed alone."""
    lock_timeout: int | None = None
    """The position of the parameter of WITHIN_LOCK_TIMEOUT."""
    lock: int | None = None
    """The position of the parameter that says which row is locked first."""

    @classmethod
    def of(cls, statement: ClauseElement, lock: str | None = None) -> "Statement":
        """Compile a statement of SQLAlchemy; `lock` names the id of the row it locks first."""
        compiled = statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler), "not DDL"  # noqa: S101
        names = tuple(compiled.positiontup or ())
        positions = {name: names.index(name) for name in (_NUMBER, _LOCK_TIMEOUT) if name in names}
        return cls(
            str(compiled),
            names,
            positions.get(_NUMBER),
            positions.get(_LOCK_TIMEOUT),
            None if lock is None else names.index(lock),
        )

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values in the order of the statement's parameters, to execute it alone."""
        if self.number is not None:
            values = {**values, **ALONE}
        return tuple([values[name] for name in self.names])

    def in_group(self, parameters: tuple[Any, ...], number: int) -> Sequence[Any]:
        """Return these parameters for the execution with this number in a group."""
        changed = list(parameters)
        assert self.number is not None, "it may be executed in a group"  # noqa: S101
        changed[self.number] = number
        if self.lock_timeout is not None:
            changed[self.lock_timeout] = _GROUP_LOCK_TIMEOUT
        return changed
