"""The command `payments`. A command imports what it needs when it runs, so that --help is fast."""

import click

from entrypoints.cli.audit import audit_commands
from entrypoints.cli.dead_letters import dead_letter_commands
from entrypoints.cli.deployment import doctor, migrate
from entrypoints.cli.extensions import ExtensibleGroup
from entrypoints.cli.forget import forget
from entrypoints.cli.ledger import ledger
from entrypoints.cli.notifications import notification_commands
from entrypoints.cli.orders import explain, show
from entrypoints.cli.outbox import outbox_commands
from entrypoints.cli.payments import capture, refund, review, void
from entrypoints.cli.reconcile import reconcile
from entrypoints.cli.schema import schema_commands
from entrypoints.cli.service import serve, worker
from entrypoints.cli.settlement import settlement
from entrypoints.settings.reference import help_text


@click.group(
    cls=ExtensibleGroup,
    epilog=help_text(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="payments")
def main() -> None:
    """Charge every order once and only once.

    \b
    Try it:         payments demo
    In production:  payments migrate, then any number of `payments serve`
                    and `payments worker`.
    """


for _command in (
    *(serve, worker, migrate, doctor),
    *(show, explain, capture, void, refund, review, reconcile, forget),
    *(settlement, ledger),
    *(dead_letter_commands, notification_commands, outbox_commands, audit_commands),
    schema_commands,
):
    main.add_command(_command)
