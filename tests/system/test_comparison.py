"""The comparison itself: it sees what it is there to see, and nothing of ours outlives a test run."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import evolve

from tests.promises import broken_promises
from tests.system.comparison import gather, holds, written
from tests.system.replica import ROOT
from tests.system.shop import new_name
from tests.system.site import JWT_KEY, Runtime

# Supervisors look for their owner every second, and give what they stop six.
GONE_WITHIN_SECONDS = 20.0


async def broken(runtime: Runtime, order_id: str) -> set[str]:
    """The numbers of the promises that are broken for an order."""
    found = await gather(runtime, [order_id])
    found = evolve(found, texts=await written(runtime))
    return {each.partition(":")[0] for each in broken_promises(found)}


@pytest.mark.parametrize(
    ("sabotage", "promises"),
    [
        ("UPDATE payments SET status = 'failed' WHERE order_id = $1", {"2", "3"}),
        ("UPDATE payments SET status = 'processing' WHERE order_id = $1", {"2", "3", "9"}),
        ("UPDATE payments SET amount = 999 WHERE order_id = $1", {"2", "7"}),
        ("UPDATE payments SET user_id = 'thief' WHERE order_id = $1", {"8"}),
        ("UPDATE orders SET status = 'cancelled' WHERE id = $1", {"4"}),
        (
            "UPDATE orders SET terms_version = NULL, user_id = NULL, price = NULL, currency = NULL"
            " WHERE id = $1",
            {"5"},
        ),
        ("UPDATE outbox SET sent_at = NULL, parked = 'x' WHERE order_id = $1", {"9"}),
        (f"UPDATE payments SET code = '{JWT_KEY}' WHERE order_id = $1", {"8"}),
    ],
)
async def test_a_row_that_is_not_as_it_should_be_is_seen(
    runtime: Runtime, sabotage: str, promises: set[str]
) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    paid = await runtime.customers.pay(order_id, user)
    await holds(runtime, [order_id], [paid])
    for worker in runtime.site.worker:
        worker.pause()  # they would put some of it right again
    await runtime.rows(sabotage, order_id)
    seen = await broken(runtime, order_id)
    await runtime.rows("UPDATE payments SET code = NULL WHERE order_id = $1", order_id)
    assert promises <= seen, seen


async def test_a_second_charge_is_seen(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    paid = await runtime.customers.pay(order_id, user)
    await holds(runtime, [order_id], [paid])
    form = f"amount=1000&currency=usd&source=tok_visa&metadata[order_id]={order_id}"
    await runtime.gateway.charge_by_hand(f"{form}&metadata[payment_id]={paid.payment_id}".encode())
    assert {"1", "2"} <= await broken(runtime, order_id)


def processes_of(folder: Path) -> list[str]:
    """The command lines of what works in a folder, or names it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in command or str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(command)
    return found


def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    starter = (
        "import time; from tests.system.site import Site\n"
        "with Site() as site:\n"
        "    site.worker[0].pause()\n"
        "    print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        assert len(processes_of(tmp_path)) > 5
        run.kill()
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while left := processes_of(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
