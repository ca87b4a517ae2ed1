"""The command `payments`. A command imports what it needs when it runs, so that --help is fast."""

from typing import Final

import click

from entrypoints.cli.dead_letters import dead_letter_commands
from entrypoints.cli.deployment import doctor, migrate
from entrypoints.cli.extensions import ExtensibleGroup
from entrypoints.cli.outbox import outbox_commands
from entrypoints.cli.service import serve, worker

_ENVIRONMENT: Final = """\b
The configuration consists of environment variables:
  DATABASE_URL           postgresql://user:pass@host/db                 required
  NATS_URL               one or more nats://host:port, with commas      required
  JWT_KEY                HS256 secret of users' tokens                  required unless JWKS_URL
  JWKS_URL               RS256/ES256 keys of an identity provider
  PAYMENT_GATEWAY        stripe-payment-intents (default), stripe-charges, fake,
                         or package.module:function of a plug-in
  STRIPE_KEY             secret key                                     required for stripe-*
  STRIPE_API_BASE        another base URL of the Stripe API
  STRIPE_WEBHOOK_SECRET  whsec_…; two with a comma during a rotation
  CURRENCY               of prices without one                          default usd
  HOST, PORT             where `serve` listens                          default 0.0.0.0, 3000
  OPERATOR_KEY           bearer secret of the operator API
README.md describes these and all other variables.
"""


@click.group(
    cls=ExtensibleGroup,
    epilog=_ENVIRONMENT,
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


for _command in (serve, worker, migrate, doctor, dead_letter_commands, outbox_commands):
    main.add_command(_command)
