"""Who may operate the service."""

import re
from typing import Final

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.variable import declare

# As an operator is written into logs and histories.
_OPERATOR_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@frozen
class Operator:
    """An operator's name and one of the keys that identify them."""

    name: str
    key: str = field(repr=False)


def _parse_operators(value: str) -> tuple[Operator, ...]:
    """Accept `name:key,name:key`; a name may occur twice, a key belongs to one name only."""
    found: dict[str, Operator] = {}
    for number, item in enumerate(parsers.items(value), start=1):
        name, colon, secret = (part.strip() for part in item.partition(":"))
        if not (colon and _OPERATOR_NAME.fullmatch(name) and secret):
            raise ValueError(f"operator {number} is not name:key, such as alice:…")
        if found.setdefault(parsers.key(secret), Operator(name, secret)).name != name:
            raise ValueError(f"operator {number} has the key of another operator")
    return tuple(found.values())


@frozen(kw_only=True, slots=False)
class OperatorSettings:
    """Who may operate the service."""

    operator_key: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "OPERATOR_KEY",
            parsers.key,
            "the bearer key of the operator who is named `operator`",
            default="the operator API and the console are off without this and `OPERATORS`",
            is_secret=True,
        ),
    )
    named_operators: tuple[Operator, ...] = field(
        default=(),
        metadata=declare(
            "OPERATORS",
            _parse_operators,
            "more operators: `name:key,name:key`; a name may occur twice while its key is rotated",
            is_secret=True,
        ),
    )

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Everybody who may use the operator API; the owner of OPERATOR_KEY is `operator`."""
        owner = (Operator("operator", self.operator_key),) if self.operator_key else ()
        return owner + self.named_operators
