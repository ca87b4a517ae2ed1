"""The ledger as text: for beancount, and as CSV.

https://beancount.github.io/docs/beancount_language_syntax.html
"""

import re
from collections.abc import Callable
from datetime import UTC
from typing import IO, Final

from attrs import define, field

from domain.ledger import Posting, Transaction
from domain.signed_amount import SignedAmount
from entrypoints.cli.output_files import CsvFile, cell

LEDGER_COLUMNS: Final = (
    *("date", "transaction", "account", "amount", "currency", "order", "payment", "source"),
)

# A total price is stored as a price of one unit, which has no end for a third of a euro. What is
# lost then is far below this, and this is far below the smallest unit of any currency
# (https://beancount.github.io/docs/precision_tolerances.html).
_HEADER: Final = """\
; Written by `payments ledger`: what moved on the balances of the payment gateways.
option "inferred_tolerance_default" "*:0.00001"
"""

# Before anything that a gateway has.
_OPENED_ON: Final = "1970-01-01"

_ESCAPED: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@define
class BeancountLedger:
    """Writes transactions for beancount; an account is opened where it is first used."""

    file: IO[str]
    opened: set[str] = field(factory=set)

    def begin(self) -> None:
        """Write what comes before the transactions."""
        self.file.write(_HEADER)

    def write(self, transaction: Transaction) -> None:
        """Write a transaction; each posting names the order, the payment and the source."""
        for posting in transaction.postings:
            if posting.account not in self.opened:
                self.opened.add(posting.account)
                self.file.write(f"\n{_OPENED_ON} open {posting.account}\n")
        names = _names(transaction)
        at = transaction.at.astimezone(UTC)
        lines = [
            f"{at.date().isoformat()} * {quoted(transaction.gateway)}"
            f" {quoted(transaction.movement.type)}",
            f"  id: {quoted(transaction.movement.id)}",
            f"  created: {quoted(at.isoformat())}",
        ]
        for posting in transaction.postings:
            lines.append(f"  {_posting(posting)}")
            lines += [f"    {name}: {quoted(value)}" for name, value in names.items() if value]
        self.file.write("\n" + "\n".join(lines) + "\n")


@define
class CsvLedger:
    """Writes one row for each posting, in minor units."""

    file: IO[str]

    def begin(self) -> None:
        """Write what comes before the transactions."""
        CsvFile(self.file).write_row(LEDGER_COLUMNS)

    def write(self, transaction: Transaction) -> None:
        """Write a transaction: it adds up to zero in each currency."""
        names = [cell(each) for each in _names(transaction).values()]
        for posting in transaction.without_prices:
            CsvFile(self.file).write_row(
                (
                    transaction.at.astimezone(UTC).date().isoformat(),
                    cell(transaction.movement.id),
                    posting.account,
                    posting.amount.minor_units,
                    posting.amount.currency.code,
                    *names,
                )
            )


LedgerFormat = BeancountLedger | CsvLedger
LEDGER_FORMATS: Final[dict[str, Callable[[IO[str]], LedgerFormat]]] = {
    "beancount": BeancountLedger,
    "csv": CsvLedger,
}


def quoted(text: str) -> str:
    """Return a text as beancount's string; control characters that it has no escape for are `?`."""
    escaped = "".join(_ESCAPED.get(each, each) for each in text)
    return f'"{_CONTROL.sub("?", escaped)}"'


def _posting(posting: Posting) -> str:
    line = f"{posting.account}  {_amount(posting.amount)}"
    return line if posting.price is None else f"{line} @@ {_amount(posting.price)}"


def _amount(amount: SignedAmount) -> str:
    return f"{amount.major:f} {amount.currency.code.upper()}"


def _names(transaction: Transaction) -> dict[str, str | None]:
    owner = transaction.owner
    return {
        "order": None if owner is None else owner.order_id,
        "payment": None if owner is None else owner.payment_id,
        "source": transaction.movement.source,
    }
