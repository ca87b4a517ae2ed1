"""The commands that move money of one payment: capture, void, refund and review."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from entrypoints.cli.running import fail, run, settings_or_exit, system_user

if TYPE_CHECKING:
    from application.application import UseCases

# The largest amount that the service knows, in domain/money.py; a help text needs no import of it.
_AMOUNT = click.IntRange(1, 2**53 - 1)


class _NotDone(Exception):
    """The command was executed without the wanted result; the text is the line to print."""


@click.command()
@click.argument("payment")
@click.option("--amount", type=_AMOUNT, help="Minor units.  [default: all]")
def capture(payment: str, amount: int | None) -> None:
    """Capture what is authorized.

    The rest of it is released. To repeat it changes nothing.
    """

    async def working(use_cases: "UseCases") -> str:
        from domain.identifiers import PaymentId
        from domain.payment_status import PaymentStatus

        result = await use_cases.capture_payment(PaymentId(payment), amount)
        if result.failed is not None:
            raise _NotDone(f"the gateway has refused the capture: {result.failed.code}")
        status = result.payment.status
        if status is PaymentStatus.SUCCEEDED:
            return f"captured {result.payment.captured_amount} of payment {payment}"
        if status is PaymentStatus.AUTHORIZED:
            return f"payment {payment} is being captured; a worker ends it"
        raise _NotDone(f"payment {payment} was not captured: its status is {status.value}")

    _act(payment, working)


@click.command()
@click.argument("payment")
@click.option("--reason", default="voided", show_default=True, help="For the event and the log.")
def void(payment: str, reason: str) -> None:
    """Release what is authorized.

    The order can be paid again then. To repeat it changes nothing.
    """

    async def working(use_cases: "UseCases") -> str:
        from domain.identifiers import PaymentId
        from domain.payment_status import PaymentStatus

        released = await use_cases.void_payment(PaymentId(payment), reason)
        status = released.status
        if status is PaymentStatus.CANCELLED:
            return f"released {released.amount} of payment {payment}"
        if status is PaymentStatus.AUTHORIZED:
            return f"payment {payment} is being released; a worker ends it"
        raise _NotDone(f"payment {payment} was captured meanwhile: its status is {status.value}")

    _act(payment, working, reason)


@click.command()
@click.argument("payment")
@click.option("--amount", type=_AMOUNT, help="Minor units.  [default: all that is left]")
@click.option("--reason", required=True, help="For the event and the log.")
def refund(payment: str, amount: int | None, reason: str) -> None:
    """Give money back.

    To repeat it gives back more, as far as there is more.
    """

    async def working(use_cases: "UseCases") -> str:
        from domain.identifiers import PaymentId
        from domain.refund import RefundStatus

        made = await use_cases.refund_payment(PaymentId(payment), amount, reason)
        if made.status is RefundStatus.FAILED:
            raise _NotDone(f"refund {made.id} of payment {payment} has failed: {made.code}")
        return f"refund {made.id} of {made.amount} of payment {payment} is {made.status.value}"

    _act(payment, working, reason)


@click.command()
@click.argument("decision", type=click.Choice(["accept", "refund"]))
@click.argument("payment")
@click.option("--reason", required=True, help="For the history and the log.")
def review(decision: str, payment: str, reason: str) -> None:
    """Decide about a payment in review.

    `accept`: the order keeps what was captured, and is paid with it.  `refund`: all of it is given
    back. A decision is made once.
    """

    async def working(use_cases: "UseCases") -> str:
        from domain.identifiers import PaymentId
        from domain.order_reviews import ReviewDecision

        payment_id = PaymentId(payment)
        decided = await use_cases.review_payment(payment_id, ReviewDecision(decision), reason)
        if decision == "accept":
            return f"accepted {decided.captured_amount} as payment {payment}"
        return f"payment {payment} is given back; a worker sends it"

    _act(payment, working, reason)


def _act(
    payment: str, work: "Callable[[UseCases], Awaitable[str]]", reason: str | None = None
) -> None:
    """Do the work and print its line; exit with status 1 and one line if it is not possible."""
    from application.acting import acting
    from application.ports.gateways import GatewayNotConfigured
    from application.ports.payment_gateway import GatewayUnavailable
    from application.use_cases.refund_payment import LostRefundsFound
    from domain.actor import Actor
    from domain.errors import DomainError
    from entrypoints.http.validation import MAX_CHARACTERS, is_payment_id, is_text

    if reason is not None and not is_text(reason):
        raise click.BadParameter(f"must be text of 1 to {MAX_CHARACTERS} characters")
    if not is_payment_id(payment):
        fail(f"there is no payment {payment[:MAX_CHARACTERS]!a}")
    settings = settings_or_exit(http=False)

    async def working() -> str:
        from entrypoints.composition.operator import open_use_cases

        with acting(Actor.command(system_user(), reason)):
            async with open_use_cases(settings) as use_cases:
                return await work(use_cases)

    try:
        click.echo(run(working()))
    except (DomainError, LostRefundsFound) as error:
        fail(_problem(payment, error))
    except GatewayNotConfigured as missing:
        fail(f"nothing was done about payment {payment}: {missing}")
    except _NotDone as error:
        fail(str(error))
    except GatewayUnavailable as unavailable:
        fail(f"nothing was done: {unavailable}")


def _problem(payment: str, error: Exception) -> str:
    from application.use_cases.refund_payment import LostRefundsFound
    from domain.capture import (
        BeingCaptured,
        BeingReleased,
        CaptureExceedsAuthorization,
        NotAuthorized,
    )
    from domain.order_entities import PaymentNotFound
    from domain.order_reviews import CannotBeKept, NotInReview
    from domain.refund_rules import NotRefundable, RefundExceedsPayment

    match error:
        case PaymentNotFound():
            return f"there is no payment {payment}"
        case NotAuthorized(status=status):
            return f"nothing is authorized for payment {payment}: its status is {status.value}"
        case BeingReleased():
            return f"the authorization of payment {payment} is being released"
        case BeingCaptured():
            return f"another capture of payment {payment} is in progress"
        case CaptureExceedsAuthorization(authorized=authorized):
            return f"at most {authorized} of payment {payment} can be captured"
        case NotInReview(status=status):
            return f"payment {payment} is not in review: its status is {status.value}"
        case CannotBeKept(because=because):
            return f"the order cannot keep the money of payment {payment}: {because}"
        case NotRefundable(status=status):
            return f"payment {payment} cannot be refunded: its status is {status.value}"
        case RefundExceedsPayment(left=left):
            return f"at most {left} of payment {payment} can still be refunded"
        case LostRefundsFound():
            return f"refunds of payment {payment} were found that the database had lost"
        case _:
            return f"{type(error).__name__} for payment {payment}"
