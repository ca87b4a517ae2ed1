"""The memory that a file needs is that of its largest order, however many there are."""

import tracemalloc
from pathlib import Path

import pytest
from attrs import evolve

from payments_kit.verification import store
from payments_kit.verification.verify import verify_file
from tests.simulation.histories import PAID, TERMS, charge, created, order, payment
from tests.verification.files import file_of

FEW, MANY = 40, 160


def write_shop(orders: int, file: Path) -> Path:
    numbers = range(1, orders + 1)
    shop = evolve(
        PAID,
        charges=[charge(number, order_id=f"o{number}") for number in numbers],
        orders=[order(payment(number), id=f"o{number}") for number in numbers],
        events=[
            each._replace(body={**each.body, "orderId": f"o{number}"})
            for number, each in enumerate(map(created, numbers), start=1)
        ],
        order_events=[TERMS._replace(id=f"o{number}") for number in numbers],
    )
    file.write_bytes(b"".join(line + b"\n" for line in file_of(shop)))
    return file


def peak_of(file: Path, orders: int) -> int:
    """Return the most bytes that were in use while a file was judged."""
    tracemalloc.start()
    try:
        with file.open("rb") as opened:
            summary = verify_file(opened, lambda _what, _count: None)
        assert (summary.is_kept, summary.judged) == (True, orders)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_four_times_as_many_orders_need_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "AT_ONCE", 50)
    few = write_shop(FEW, tmp_path / "few.jsonl")
    many = write_shop(MANY, tmp_path / "many.jsonl")
    for _ in range(4):  # what is cached, and what Python keeps for later tuples, stays in use
        peak_of(many, MANY)
    assert peak_of(many, MANY) < 2 * peak_of(few, FEW)
