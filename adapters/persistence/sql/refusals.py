"""Refusals: what the database says that only a person can change, for an alert."""

from typing import Final

from attrs import define, field

from adapters.persistence.sql.errors import Fault, fault_of, is_known_code, reason_of, sqlstate

# Disk full, and errors of the server itself such as corruption: the table of faults calls them
# unavailable, because they may end without a change of ours.
_SERIOUS: Final = ("53100", "58", "XX")

MAX_KEPT: Final = 10
"""Different refusals that are kept until they are reported, a few seconds later."""


@define
class Refusals:
    """The refusals since they were last reported."""

    _texts: dict[str, None] = field(init=False, factory=dict)

    def note(self, error: BaseException) -> None:
        """Keep an error if only a person can change its cause."""
        code = sqlstate(error)
        is_refusal = fault_of(error) is Fault.REFUSED or code.startswith(_SERIOUS)
        if (is_refusal or not is_known_code(code)) and len(self._texts) < MAX_KEPT:
            self._texts[f"{reason_of(error)} ({code})" if code else reason_of(error)] = None

    def take(self) -> list[str]:
        """Return the refusals, one line each, and forget them."""
        taken = list(self._texts)
        self._texts.clear()
        return taken
