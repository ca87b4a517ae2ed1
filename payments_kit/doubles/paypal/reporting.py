"""Transaction search: what moved the balance; https://developer.paypal.com/docs/api/transaction-search/v1/."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from payments_kit.doubles.paypal import amounts, queries
from payments_kit.doubles.paypal.errors import Json
from payments_kit.doubles.paypal.ledger import MERCHANT, PAYER, Ledger, written
from payments_kit.doubles.paypal.replies import Request, Result

# https://developer.paypal.com/docs/transaction-search/transaction-event-codes/
PAYMENT, REFUND, REVERSAL, CHARGEBACK = "T0006", "T1107", "T1106", "T1201"
WITHDRAWAL, AUTHORIZATION = "T0400", "T1300"
MAX_RANGE_DAYS: Final = 31
MAX_PAGE: Final = 500
_NAMES: Final = (
    "start_date", "end_date", "page", "page_size", "fields", "transaction_id", "transaction_type",
    "transaction_status", "transaction_currency", "balance_affecting_records_only",
)  # fmt: skip
# With any of these, the response has no balances.
_FILTERS: Final = frozenset(_NAMES) - {"start_date", "end_date", "page", "page_size", "fields"}
_CAPTURE_STATUS: Final = {"PENDING": "P", "DECLINED": "D", "FAILED": "D", "REFUNDED": "V"}
_REFUND_STATUS: Final = {"PENDING": "P", "FAILED": "D", "CANCELLED": "V"}
_HOLD_STATUS: Final = {"PENDING": "P", "DENIED": "D", "VOIDED": "V"}
_FIELDS: Final = ("transaction_info", "payer_info", "all")


def move(ledger: Ledger, code: str, amount: Json, capture: Json | None = None) -> Json:
    """Record money that leaves the balance otherwise than by a refund."""
    moved = _info(
        ledger.new_id(), code, ledger.timestamp(), amount["currency_code"], -amounts.decimal(amount)
    )
    if capture is not None:
        moved |= _reference(capture["id"]) | _labels(capture)
    ledger.movements.append(moved)
    return moved


def search(ledger: Ledger, request: Request) -> Result:
    """List transactions of at most 31 days, as `GET /v1/reporting/transactions` does."""
    query = request.query
    queries.check_names(query, _NAMES)
    start, end = _range(query)
    size = queries.number(query, "page_size", 100, MAX_PAGE)
    page = queries.number(query, "page", 1, 10**9 - 1)
    fields = query.get("fields", "transaction_info").split(",")
    for name in fields:
        if name not in _FIELDS:
            raise queries.wrong("fields", "INVALID_PARAMETER_VALUE", name)
    refreshed = ledger.time() - ledger.reporting_lag
    rows = [it for it in _visible(ledger, refreshed) if start <= _began(it) <= end]
    if query.keys() & _FILTERS:
        rows = [_without_balance(it) for it in rows]
    rows = [it for it in rows if _matches(it, query)]
    if len(rows) > ledger.max_reported:
        raise queries.wrong("start_date", "RESULTSET_TOO_LARGE")
    shown = rows[(page - 1) * size : page * size]
    body: Json = {
        "transaction_details": [_detail(it, fields) for it in shown],
        "account_number": MERCHANT,
        "start_date": written(start),
        "end_date": written(min(end, ledger.time())),
        "last_refreshed_datetime": written(refreshed),
        "page": page,
        "total_items": len(rows),
        "total_pages": -(-len(rows) // size),
        "links": [
            {
                "href": f"{ledger.address}/v1/reporting/transactions?page={page}",
                "rel": "self",
                "method": "GET",
            }
        ],
    }
    return Result(lambda: body)


def balances(ledger: Ledger, request: Request) -> Result:
    """Show the balance of each currency, as `GET /v1/reporting/balances` does."""
    query = request.query
    queries.check_names(query, ("as_of_time", "currency_code"))
    refreshed = ledger.time() - ledger.reporting_lag
    as_of = min(
        queries.seconds("as_of_time", query["as_of_time"]) if "as_of_time" in query else refreshed,
        refreshed,
    )
    totals: dict[str, Json] = {}
    for row in _visible(ledger, as_of):
        if "ending_balance" in row:
            totals[row["transaction_amount"]["currency_code"]] = row["ending_balance"]
    body: Json = {
        "balances": [
            {
                "currency": currency,
                "primary": index == 0,
                "total_balance": total,
                "available_balance": total,
                "withheld_balance": amounts.money(currency, Decimal(0)),
            }
            for index, (currency, total) in enumerate(totals.items())
            if query.get("currency_code") in (None, currency)
        ],
        "account_id": MERCHANT,
        "as_of_time": written(as_of),
        "last_refresh_time": written(refreshed),
    }
    return Result(lambda: body)


def _visible(ledger: Ledger, refreshed: float) -> list[Json]:
    """Return the transactions that are reported already, the oldest first, with balances."""
    rows = sorted(_rows(ledger), key=_began)
    totals: dict[str, Decimal] = {}
    seen = []
    for row in rows:
        if _began(row) > refreshed:
            continue
        if row["transaction_status"] not in "PD" and not _is_hold(row):
            currency = row["transaction_amount"]["currency_code"]
            change = amounts.decimal(row["transaction_amount"])
            change += amounts.decimal(row["fee_amount"]) if "fee_amount" in row else Decimal(0)
            totals[currency] = totals.get(currency, Decimal(0)) + change
            balance = amounts.money(currency, totals[currency])
            row |= {"ending_balance": balance, "available_balance": balance}
        seen.append(row)
    return seen


def _rows(ledger: Ledger) -> Iterator[Json]:
    for it in ledger.captures.values():
        value = amounts.decimal(it["amount"])
        row = _of(it, PAYMENT, value, _CAPTURE_STATUS.get(it["status"], "S"))
        if "seller_receivable_breakdown" in it:
            fee = amounts.decimal(it["seller_receivable_breakdown"]["paypal_fee"])
            row["fee_amount"] = amounts.money(it["amount"]["currency_code"], -fee)
        if it["_authorization"] is not None:
            row |= _reference(it["_authorization"])
        yield row | ledger.transaction_reports.get(it["id"], {})
    for it in ledger.refunds.values():
        capture = ledger.captures[it["_capture"]]
        status = _REFUND_STATUS.get(it["status"], "S")
        row = _of(it, REFUND, -amounts.decimal(it["amount"]), status)
        yield row | _reference(capture["id"]) | _labels(capture | it)
    for it in ledger.authorizations.values():
        status = _HOLD_STATUS.get(it["status"], "S")
        yield _of(it, AUTHORIZATION, amounts.decimal(it["amount"]), status)
    for it in ledger.movements:
        yield dict(it)


def _of(it: Json, code: str, value: Decimal, status: str) -> Json:
    row = _info(it["id"], code, it["create_time"], it["amount"]["currency_code"], value)
    return (
        row
        | _labels(it)
        | {
            "transaction_updated_date": it["update_time"],
            "transaction_status": status,
        }
    )


def _info(transaction: str, code: str, at: str, currency: str, value: Decimal) -> Json:
    return {
        "paypal_account_id": PAYER["payer_id"],
        "transaction_id": transaction,
        "transaction_event_code": code,
        "transaction_initiation_date": at,
        "transaction_updated_date": at,
        "transaction_amount": amounts.money(currency, value),
        "transaction_status": "S",
        "protection_eligibility": "01",
    }


def _reference(transaction: str) -> Json:
    return {"paypal_reference_id": transaction, "paypal_reference_id_type": "TXN"}


def _labels(it: Json) -> Json:
    names = {"custom_field": "custom_id", "invoice_id": "invoice_id"}
    return {name: it[field] for name, field in names.items() if field in it}


def _began(row: Json) -> float:
    return queries.seconds("transaction_initiation_date", row["transaction_initiation_date"])


def _range(query: dict[str, str]) -> tuple[float, float]:
    start, end = (
        queries.seconds(name, queries.required(query, name)) for name in ("start_date", "end_date")
    )
    if end < start:
        raise queries.wrong("end_date", "END_DATE_BEFORE_START_DATE", query["end_date"])
    if end - start > MAX_RANGE_DAYS * 86400:
        raise queries.wrong("end_date", "DATE_RANGE_EXCEEDED", query["end_date"])
    return start, end


def _matches(row: Json, query: dict[str, str]) -> bool:
    affecting = query.get("balance_affecting_records_only", "Y")
    if affecting not in ("Y", "N"):
        raise queries.wrong("balance_affecting_records_only", "INVALID_PARAMETER_VALUE", affecting)
    is_affecting = row["transaction_status"] not in "PD" and not _is_hold(row)
    return (
        (affecting == "N" or is_affecting)
        and query.get("transaction_id") in (None, row["transaction_id"])
        and query.get("transaction_type") in (None, row["transaction_event_code"])
        and query.get("transaction_status") in (None, row["transaction_status"])
        and query.get("transaction_currency") in (None, row["transaction_amount"]["currency_code"])
    )


def _is_hold(row: Json) -> bool:
    return bool(row["transaction_event_code"] == AUTHORIZATION)


def _without_balance(row: Json) -> Json:
    return {name: row[name] for name in row if name not in ("ending_balance", "available_balance")}


def _detail(row: Json, fields: list[str]) -> Json:
    payer = {
        "account_id": PAYER["payer_id"],
        "email_address": PAYER["email_address"],
        "address_status": "N",
        "payer_status": "Y",
        "payer_name": PAYER["name"],
        "country_code": PAYER["address"]["country_code"],
    }
    shown = {"transaction_info": row, "payer_info": payer}
    return {name: shown[name] for name in shown if name in fields or "all" in fields}
