"""Names that release 1.0.0rc1 stores and that have changed since.

Its processes may run at the same time as ours until a rollout is complete, so both names are read.
Only the current names are written, and `payments migrate` renames the old ones
(rename_old_values.py).
"""

from collections.abc import Mapping
from typing import Final, TypeVar

Stored = TypeVar("Stored", str, str | None)

_CURRENT_NAMES: Final[Mapping[str | None, str]] = {
    # payments.status and payments.code; refunds.reason of automatic refunds
    "unwanted": "reversed",
    # refunds.reason
    "by_another_hand": "external_refund",
    # refunds.code
    "refunded_by_another_hand": "refunded_externally",
}


def current_name(stored: Stored) -> Stored:
    """Return the current name of a stored status or code."""
    return _CURRENT_NAMES.get(stored, stored)


def current_reason(stored: str, *, automatic: bool) -> str:
    """Return the current name of a refund's reason.

    The reason of a refund that is not automatic is an operator's text, which may be "unwanted".
    """
    return stored if stored == "unwanted" and not automatic else current_name(stored)
