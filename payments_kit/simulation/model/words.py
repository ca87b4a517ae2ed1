"""Words: how a violation names a row of our books."""

from payments_kit.simulation.model.records import BookedDispute, BookedPayment, BookedRefund


def in_words(row: BookedPayment | BookedRefund | BookedDispute | None) -> str:
    """Return what the books say, such as `succeeded (1000 usd of ch_1)`."""
    if row is None:
        return "not in the books"
    if isinstance(row, BookedDispute):
        return row.status
    captured = row.captured if isinstance(row, BookedPayment) else None
    amount = captured or row.amount
    return f"{row.status} ({amount} of {row.charge_id or 'no charge'})"
