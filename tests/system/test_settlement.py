"""Settlement and ledger of a shop at Stripe, with real processes; beancount reads the ledger."""

import asyncio
import csv
import io
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

from beancount import loader
from beancount.core.data import Transaction

from tests.system.system import System

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


async def balance(system: System) -> dict[str, int]:
    """Return what Stripe has of the shop."""
    totals: Counter[str] = Counter()
    for each in (await system.stripe.control("GET", "ledger"))["balance_transactions"]:
        totals[each["currency"]] += each["net"]
    return dict(totals)


async def charge_of_others(system: System) -> str:
    """Charge a card as another application on the same account does."""
    form = {"amount": "700", "currency": "usd", "source": "tok_visa"}
    key = {"Authorization": "Bearer sk_test_other"}
    address = f"{system.stripe.url}/v1/charges"
    async with system.stripe.session.post(address, data=form, headers=key) as response:
        return str((await response.json())["id"])


def balance_in(books: Path, account: str) -> Decimal:
    """Return the balance of an account, as beancount adds it up."""
    entries, errors, _ = loader.load_file(str(books))
    assert not errors
    made = [entry for entry in entries if isinstance(entry, Transaction)]
    units = [each.units for entry in made for each in entry.postings if each.account == account]
    return sum((each.number or Decimal(0) for each in units if each is not None), Decimal(0))


async def bean_check(books: Path) -> tuple[int | None, bytes]:
    """Let beancount's own command check a file; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        BEAN_CHECK, books, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), timeout=60)
    return process.returncode, output


async def test_the_rows_of_a_payout_add_up_and_the_ledger_has_stripe_s_balance(
    system: System, tmp_path: Path
) -> None:
    refunded, disputed, waiting = [await system.create_order(price=19.99) for _ in range(3)]
    payments = [(await system.api.pay(each)).payment_id for each in (refunded, disputed)]
    part = await system.run_command("refund", payments[0], "--amount", "999", "--reason", "late")
    assert part.returncode == 0, part
    [charge] = await system.stripe.charges(disputed)
    await system.stripe.control("POST", "dispute", charge=charge["id"])
    foreign = await charge_of_others(system)
    payout = await system.stripe.control("POST", "payout", currency="usd")
    assert (await system.api.pay(waiting)).status == 201

    file = tmp_path / "settlement.csv"
    command = await system.run_command("settlement", "--csv", str(file))
    assert command.returncode == 0, command
    rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
    paid = [each for each in rows if each["payout"] == payout["id"] and each["type"] != "payout"]
    assert sum(int(each["net"]) for each in paid) == payout["amount"]
    assert [
        (each["type"], each["amount"], each["fee"]) for each in paid if each["order"] == refunded
    ] == [
        ("refund", "-999", "0"),
        ("charge", "1999", "88"),
    ]
    assert {each["type"] for each in paid if each["payment"] == payments[1]} == {
        "charge",
        "dispute",
    }
    assert [each["order"] for each in rows if each["source"] == foreign] == [""]
    assert [each["payout"] for each in rows if each["order"] == waiting] == [""]

    ledger = await system.run_command("ledger", "--format", "beancount")
    assert ledger.returncode == 0, ledger
    books = tmp_path / "books.beancount"
    books.write_text(ledger.stdout)
    assert await bean_check(books) == (0, b"")
    assert balance_in(books, "Assets:Stripe:USD") * 100 == (await balance(system))["usd"]

    await system.stripe.add_fault(
        "status_before", "^/v1/balance_transactions$", method="GET", status=401
    )
    refused = await system.run_command("settlement", "--csv", str(file))
    assert refused.returncode == 1
    assert refused.stderr.startswith("payments: stripe cannot be asked: ")
    assert file.read_text().splitlines()[1:], "the file of before is still there"
