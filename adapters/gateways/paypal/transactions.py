"""Transactions: the reports of an account, in pages.

https://developer.paypal.com/docs/api/transaction-search/v1/
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from attrs import frozen

from adapters.gateways.calls import TimeLeft
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.objects import Json, items, nested, time
from adapters.gateways.paypal.windows import Window, first_window
from application.ports.gateway_records import Period

RECORDS_DELAY: Final = timedelta(hours=3)
"""How long PayPal takes to report a transaction, at most
(https://developer.paypal.com/docs/transaction-search/)."""

_PATH: Final = "/v1/reporting/transactions"
_TOO_MANY: Final = "RESULTSET_TOO_LARGE"


@frozen
class Transactions:
    """Lists the transactions of one account."""

    api: PayPalApi

    async def page(
        self,
        period: Period,
        cursor: str | None,
        left: TimeLeft,
        *,
        page_size: int,
        affects_balance: bool = False,
    ) -> tuple[list[Json], str | None]:
        """Return some transactions of a period, and what to ask for the next ones with."""
        window = first_window(period) if cursor is None else Window.read(cursor, period)
        if window is None:
            return [], None
        query = {
            "start_date": written(window.since),
            "end_date": written(window.until),
            "page": str(window.page),
            "page_size": str(page_size),
            "fields": "transaction_info",
            "balance_affecting_records_only": "Y" if affects_balance else "N",
        }
        try:
            body = await self.api.get(f"{_PATH}?{urlencode(query)}", left())
        except RequestRefused as refused:
            if refused.error.issue == _TOO_MANY and (half := window.half()) is not None:
                return [], half.text
            # What is too new for PayPal's reports is refused, not empty.
            if refused.error.status == 400 and window.since > datetime.now(UTC) - RECORDS_DELAY:
                return [], None
            raise
        rows = [nested(each, "transaction_info") for each in items(body, "transaction_details")]
        found = [
            each for each in rows if window.contains(time(each, "transaction_initiation_date"))
        ]
        pages = body.get("total_pages")
        is_last = not isinstance(pages, int) or window.page >= pages
        following = window.after(period) if is_last else window.turned()
        return found, None if following is None else following.text


def code_of(transaction: Json) -> str:
    """Return what kind of transaction it is.

    https://developer.paypal.com/docs/transaction-search/transaction-event-codes/
    """
    return str(transaction.get("transaction_event_code", ""))


def written(at: datetime) -> str:
    """Return a time as the parameters of PayPal's lists."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
