"""Who the current work is done for: what the histories of orders say about who changed them.

As with the ids for log lines, an entrypoint knows who asks, and no rule does: a decision is the
same for everybody. So it is not passed through every use case, but noted once, and handed to
the unit of work by what composes it.
"""

from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Final

from attrs import define, field

from domain.actor import THE_SERVICE, Actor

_CURRENT: Final[ContextVar[Actor]] = ContextVar("acting", default=THE_SERVICE)


def acting(actor: Actor) -> AbstractContextManager[None]:
    """Do what follows for this actor; tasks that are started meanwhile act for it, too."""
    return _Acting(actor)


@define
class _Acting(AbstractContextManager[None]):
    """A class, because a generator takes several times as long, and every request has one."""

    _actor: Actor
    _token: "Token[Actor] | None" = field(default=None, init=False)

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self._actor)

    def __exit__(self, *_: object) -> None:
        if self._token is None:
            return
        try:  # noqa: SIM105 - cheaper than `suppress`
            _CURRENT.reset(self._token)
        except ValueError:
            # The garbage collector ends a task that nobody waits for any more in another context.
            pass


def current_actor() -> Actor:
    """Return who the current work is done for."""
    return _CURRENT.get()
