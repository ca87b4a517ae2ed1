"""Run the steps of the tour one after the other, and print a table of their results."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import frozen
from rich.console import Console
from rich.table import Table

from payments_kit.demo.bank import open_bank
from payments_kit.demo.deployment import Deployment
from payments_kit.demo.orders_service import OrdersService
from payments_kit.demo.payments_client import PaymentsClient
from payments_kit.demo.tour_helpers import PARTIAL_REFUND, PRICE_MINOR_UNITS
from payments_kit.demo.tour_steps import Tour


@frozen
class Step:
    """A step of the tour with its expected result."""

    title: str
    expected: str
    run: Callable[[Tour], Awaitable[str]]


REFUNDED: Final = f"refunded {PRICE_MINOR_UNITS} usd, order cancelled"
PARTLY_REFUNDED: Final = f"refunded {PARTIAL_REFUND} usd, order complete"
FAILED_THEN_PAID: Final = "payment:failed, then 201 succeeded"
CANCELLED_THEN_PAID: Final = "200 cancelled, then 201 succeeded"
VOUCHER_PAID: Final = "202 pending: oxxo_display_details, order complete"
RELEASED: Final = f"released {PRICE_MINOR_UNITS} usd, order cancelled"
RELEASED_THEN_PAID: Final = f"released {PRICE_MINOR_UNITS} usd, then 201 authorized"
STEPS: Final = (
    Step("create an order", "replicated", Tour.create),
    Step("pay with a 3-D Secure card", "202 requires_action", Tour.pay_with_authentication),
    Step("pay with tok_visa", "201 succeeded", Tour.pay),
    Step("receive payment:created", "order complete", Tour.complete),
    Step("compare the event", "1 event: id, orderId, stripeId", Tour.compare_event),
    Step("pay the same order again", "409 with the same payment", Tour.pay_again),
    Step("pay without sufficient funds", "402 insufficient_funds", Tour.decline),
    Step("pay it with another card", "201 succeeded", Tour.pay_after_decline),
    Step("cancel an order, then pay", "400", Tour.pay_cancelled),
    Step("pay an order, then cancel", REFUNDED, Tour.cancel_paid),
    Step("pay an expired order", "400", Tour.pay_expired),
    Step("pay another customer's order", "401", Tour.pay_for_another),
    Step("refund a part as operator", PARTLY_REFUNDED, Tour.refund_partly),
    Step("pay with a wallet", "201 succeeded", Tour.pay_with_wallet),
    Step("approve at a wallet, then pay", "201, then 201 succeeded", Tour.approve_first),
    Step("pay on the bank's page", "202 requires_action: redirect_to_url", Tour.pay_at_bank),
    Step("approve there, never return", "order complete", Tour.approve_at_bank),
    Step("decline there, use a card", FAILED_THEN_PAID, Tour.decline_at_bank),
    Step("return to another shop", "400", Tour.return_elsewhere),
    Step("pay by debit", "202 pending, payment:pending", Tour.pay_by_debit),
    Step("the bank pays it", "order complete", Tour.settle_debit),
    Step("the bank rejects another", FAILED_THEN_PAID, Tour.fail_debit),
    Step("pay with a voucher", VOUCHER_PAID, Tour.pay_with_voucher),
    Step("cancel a payment, use a card", CANCELLED_THEN_PAID, Tour.cancel_open),
    Step("authorize", "201 authorized, order authorized", Tour.authorize),
    Step("ship it", f"captured {PRICE_MINOR_UNITS} usd, order complete", Tour.ship),
    Step("cancel an authorized order", RELEASED, Tour.cancel_authorized),
    Step("void as operator", RELEASED_THEN_PAID, Tour.void),
    Step("pay an unknown order", "404", Tour.pay_unknown),
    Step("send malformed JSON", "400", Tour.send_malformed),
    Step("pay while NATS is stopped", "201 succeeded", Tour.pay_without_nats),
    Step("start NATS again", "payment:created, order complete", Tour.restart_nats),
    Step("recover the 3-D Secure payment", "succeeded, order complete", Tour.finish_authentication),
)


@frozen
class StepResult:
    """The result of a step."""

    step: Step
    actual: str
    milliseconds: float

    @property
    def is_expected(self) -> bool:
        """Whether the result is the expected one."""
        return self.actual == self.step.expected


async def take_tour(deployment: Deployment, console: Console) -> int:
    """Run every step and print the results; return 0 if all are as expected, else 1."""
    started_at = time.perf_counter()
    results: list[StepResult] = []
    async with (
        open_bank(deployment.environment) as bank,
        OrdersService(deployment.nats.url) as orders,
        PaymentsClient(deployment.address, deployment.keys) as payments,
    ):
        tour = Tour(deployment, orders, payments, bank)
        with console.status("") as status:
            for step in STEPS:
                status.update(step.title)
                results.append(await _run(step, tour))
    console.print(_table(results))
    expected = sum(result.is_expected for result in results)
    seconds = time.perf_counter() - started_at
    style = "green" if expected == len(STEPS) else "red"
    summary = f"{expected} of {len(STEPS)} steps ended as expected"
    console.print(f"[{style}]{summary}[/], {seconds:.1f} s")
    return 0 if expected == len(STEPS) else 1


async def _run(step: Step, tour: Tour) -> StepResult:
    started_at = time.perf_counter()
    try:
        actual = await step.run(tour)
    except Exception as error:  # an error of any kind is a result to be shown
        actual = f"{type(error).__name__}: {error}"
    return StepResult(step, actual, (time.perf_counter() - started_at) * 1000)


def _table(results: list[StepResult]) -> Table:
    table = Table(title="A tour of the payments service", title_justify="left")
    for column in ("", "step", "expected", "actual"):
        table.add_column(column)
    table.add_column("ms", justify="right")
    for result in results:
        step = result.step
        mark = "[green]✓[/]" if result.is_expected else "[red]✗[/]"
        milliseconds = f"{result.milliseconds:.0f}"
        table.add_row(mark, step.title, step.expected, result.actual, milliseconds)
    return table
