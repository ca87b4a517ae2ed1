"""The command `payments forget`."""

import secrets
from typing import TYPE_CHECKING

import click

from entrypoints.cli.running import fail, run, settings_or_exit, system_user

if TYPE_CHECKING:
    from application.use_cases.forget_user import ForgottenUser
    from entrypoints.settings import Settings

# What is not finished is named up to this number of lines.
_MAX_REASONS = 20


@click.command()
@click.argument("user")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(user: str, dry_run: bool, yes: bool) -> None:
    """Replace a user's id by a pseudonym that leads to nobody.

    Their orders and payments stay for the books, with amounts and dates. It is refused while one of
    their payments, refunds or disputes is not finished. docs/retention.md says what it does not
    reach.
    """
    from application.use_cases.forget_user import StillNeeded
    from domain.identifiers import UserId
    from domain.pseudonym import is_pseudonym
    from entrypoints.http.validation import is_text

    if not is_text(user):
        fail("a user's id is text of 1 to 255 characters")
    if is_pseudonym(UserId(user)):
        fail("this is the pseudonym of a user who was forgotten")
    settings = settings_or_exit(http=False)
    try:
        would = run(_run(settings, UserId(user), preview=True))
        if dry_run or not any((would.orders, *would.rows.values())):
            click.echo(f"would forget: {_words(would)}; nothing was done")
            return
        if not yes:
            click.confirm(f"forget for ever: {_words(would)}?", abort=True, err=True)
        click.echo(f"forgotten: {_words(run(_run(settings, UserId(user), preview=False)))}")
    except StillNeeded as needed:
        more = len(needed.reasons) - _MAX_REASONS
        shown = [f"not finished: {reason}" for reason in needed.reasons[:_MAX_REASONS]]
        fail(
            "the user cannot be forgotten before this is finished; repeat the command then",
            *shown,
            *([f"and {more} more"] if more > 0 else []),
        )


async def _run(settings: "Settings", user: str, *, preview: bool) -> "ForgottenUser":
    from application.acting import acting
    from domain.actor import Actor
    from domain.identifiers import UserId
    from domain.pseudonym import pseudonym
    from entrypoints.composition import audit

    with acting(Actor.command(system_user())):
        async with audit.open_forget_user(settings) as forget_user:
            if preview:
                return await forget_user.preview(UserId(user))
            return await forget_user(UserId(user), pseudonym(secrets.token_hex(16)))


def _words(forgotten: "ForgottenUser") -> str:
    rows = (f"{count} {name} deleted" for name, count in forgotten.rows.items())
    orders, payments = forgotten.orders, forgotten.payments
    return f"the user of {orders} orders and {payments} payments; {', '.join(rows)}"
